import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useRef } from "react";
import { cn } from "@/shared/lib/cn";
import { Button, IconButton } from "./button";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** One sentence under the title. */
  description?: ReactNode;
  children?: ReactNode;
  /** Buttons, the one that does it last. */
  footer?: ReactNode;
  wide?: boolean;
}

/**
 * Where the focus goes: when it opens, to the first thing to fill in, or else to the panel itself, so that no tooltip
 * opens; when it closes, back to where it was, also where nothing of ours opened it.
 */
function useFocus() {
  const before = useRef<Element | null>(null);
  return {
    onOpenAutoFocus: (event: Event) => {
      const panel = event.currentTarget;
      if (!(panel instanceof HTMLElement)) return;
      before.current = document.activeElement;
      event.preventDefault();
      (panel.querySelector<HTMLElement>("input:not([disabled]), textarea, select") ?? panel).focus();
    },
    onCloseAutoFocus: (event: Event) => {
      event.preventDefault();
      if (before.current instanceof HTMLElement) before.current.focus();
    },
  };
}

const veil = "fixed inset-0 z-40 bg-black/40 animate-in";

function Head({ title, description }: Pick<Props, "title" | "description">) {
  return (
    <header className="flex items-start gap-3 border-b px-4 py-3">
      <div className="min-w-0 flex-1">
        <Radix.Title className="text-base font-semibold">{title}</Radix.Title>
        <Radix.Description className={cn("text-sm text-soft", description == null && "sr-only")}>
          {description ?? title}
        </Radix.Description>
      </div>
      <Radix.Close asChild>
        <IconButton icon={X} label="Close" size="sm" />
      </Radix.Close>
    </header>
  );
}

/** A question or a form in the middle, for what must be finished or left before anything else. */
export function Dialog({ open, onOpenChange, title, description, children, footer, wide = false }: Props) {
  const focus = useFocus();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className={veil} />
        <Radix.Content
          {...focus}
          tabIndex={-1}
          className={cn(
            "fixed inset-x-3 top-[8vh] z-50 mx-auto flex max-h-[84vh] animate-in flex-col rounded-lg border bg-panel shadow-pop outline-none",
            wide ? "max-w-3xl" : "max-w-md",
          )}
        >
          <Head title={title} description={description} />
          <div className="min-h-0 flex-1 overflow-y-auto px-4 py-4">{children}</div>
          {footer != null && (
            <footer className="flex flex-wrap justify-end gap-2 border-t px-4 py-3">{footer}</footer>
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** A panel at the side, for the detail of something in a list that stays in view. */
export function Sheet({ open, onOpenChange, title, description, children, footer, wide = false }: Props) {
  const focus = useFocus();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className={veil} />
        <Radix.Content
          {...focus}
          tabIndex={-1}
          className={cn(
            "fixed inset-y-0 right-0 z-50 flex w-full animate-slide flex-col border-l bg-panel shadow-pop outline-none",
            wide ? "sm:max-w-3xl" : "sm:max-w-lg",
          )}
        >
          <Head title={title} description={description} />
          <div className="min-h-0 flex-1 overflow-y-auto px-4 py-4">{children}</div>
          {footer != null && (
            <footer className="flex flex-wrap justify-end gap-2 border-t px-4 py-3">{footer}</footer>
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Ask before something that cannot be taken back. `consequence` says what will be different afterwards. */
export function Confirm(props: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  consequence: ReactNode;
  action: string;
  busy?: boolean;
  onConfirm: () => void;
}) {
  const { open, onOpenChange, title, consequence, action, busy, onConfirm } = props;
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={title}
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button look="danger" busy={busy} onClick={onConfirm}>
            {action}
          </Button>
        </>
      }
    >
      <div className="text-sm text-soft">{consequence}</div>
    </Dialog>
  );
}
