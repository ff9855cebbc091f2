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

/** What a dialog and a sheet have in common: a veil, a head, room that scrolls, and buttons. */
function Panel({
  open,
  onOpenChange,
  title,
  description,
  children,
  footer,
  className,
}: Omit<Props, "wide"> & { className: string }) {
  const focus = useFocus();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 animate-in bg-black/40" />
        <Radix.Content
          {...focus}
          tabIndex={-1}
          className={cn("fixed z-50 flex flex-col bg-panel shadow-pop outline-none", className)}
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

/** A question or a form in the middle, for what must be finished or left before anything else. */
export function Dialog({ wide = false, ...props }: Props) {
  const middle = "inset-x-3 top-[8vh] mx-auto max-h-[84vh] animate-in rounded-lg border";
  return <Panel {...props} className={cn(middle, wide ? "max-w-3xl" : "max-w-md")} />;
}

/** A panel at the side, for the detail of something in a list that stays in view. */
export function Sheet({ wide = false, ...props }: Props) {
  const side = "inset-y-0 right-0 w-full animate-slide border-l";
  return <Panel {...props} className={cn(side, wide ? "sm:max-w-3xl" : "sm:max-w-lg")} />;
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
