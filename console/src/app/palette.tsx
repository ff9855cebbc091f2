import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { Boxes } from "lucide-react";
import { Dialog } from "radix-ui";
import { type Session, may } from "@/shared/session";
import { useModels } from "@/shared/llm/useModels";
import { PAGES } from "./pages";

const item =
  "flex cursor-pointer items-center gap-2.5 rounded-md px-2 py-1.5 text-sm data-[selected=true]:bg-accent-wash";
const group =
  "[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:text-faint";

/** Go anywhere by typing: Ctrl K, or ⌘ K. */
export default function Palette({
  open,
  onOpenChange,
  session,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  session: Session;
}) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 animate-in bg-black/40" />
        <Dialog.Content className="fixed inset-x-3 top-[12vh] z-50 mx-auto max-w-xl animate-in overflow-hidden rounded-lg border bg-raised shadow-pop">
          <Dialog.Title className="sr-only">Find</Dialog.Title>
          <Dialog.Description className="sr-only">Type the name of a page or a model.</Dialog.Description>
          <List session={session} close={() => onOpenChange(false)} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function List({ session, close }: { session: Session; close: () => void }) {
  const navigate = useNavigate();
  const models = useModels();
  const go = (to: string, search?: Record<string, string>) => {
    close();
    void navigate({ to, search: search });
  };
  return (
    <Command label="Find a page or a model" loop>
      <Command.Input
        placeholder="Go to a page, find a model…"
        aria-label="Find"
        className="h-11 w-full border-b bg-transparent px-4 text-base outline-none placeholder:text-faint"
      />
      <Command.List className="max-h-[50vh] overflow-y-auto p-1.5" tabIndex={-1}>
        <Command.Empty className="px-2 py-8 text-center text-sm text-faint">
          Nothing has that name.
        </Command.Empty>
        <Command.Group heading="Pages" className={group}>
          {PAGES.filter((page) => may(session, ...page.needs)).map((page) => (
            <Command.Item
              key={page.path}
              value={page.label}
              keywords={page.words?.split(" ")}
              onSelect={() => go(page.path)}
              className={item}
            >
              <page.icon size={15} aria-hidden className="text-faint" />
              {page.label}
            </Command.Item>
          ))}
        </Command.Group>
        <Command.Group heading="Models" className={group}>
          {models.data
            ?.filter((model) => model.available)
            .slice(0, 400)
            .map((model) => (
              <Command.Item
                key={model.fullId}
                value={model.fullId}
                keywords={[model.name]}
                onSelect={() => go("/models", { model: model.fullId })}
                className={item}
              >
                <Boxes size={15} aria-hidden className="text-faint" />
                {model.fullId}
              </Command.Item>
            ))}
        </Command.Group>
      </Command.List>
    </Command>
  );
}
