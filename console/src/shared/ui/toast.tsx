import { CircleAlert, CircleCheck, X } from "lucide-react";
import { Toast } from "radix-ui";
import { useSyncExternalStore } from "react";
import { messageOf } from "@/shared/api/error";

interface Note {
  id: number;
  kind: "done" | "failed";
  text: string;
}

let notes: readonly Note[] = [];
let next = 1;
const watchers = new Set<() => void>();

function set(change: (before: readonly Note[]) => readonly Note[]): void {
  notes = change(notes);
  watchers.forEach((tell) => tell());
}

/** Say that something was done, which the page does not show by itself. */
export function told(text: string): void {
  set((before) => [...before.slice(-3), { id: next++, kind: "done", text }]);
}

/** Say what failed, where there is no better place for it. */
export function failed(error: unknown): void {
  set((before) => [...before.slice(-3), { id: next++, kind: "failed", text: messageOf(error) }]);
}

const watch = (tell: () => void) => {
  watchers.add(tell);
  return () => watchers.delete(tell);
};

export function Toasts() {
  const shown = useSyncExternalStore(watch, () => notes);
  return (
    <Toast.Provider duration={6000} label="Notice">
      {shown.map((note) => (
        <Toast.Root
          key={note.id}
          type={note.kind === "failed" ? "foreground" : "background"}
          onOpenChange={(open) => {
            if (!open) set((before) => before.filter((one) => one.id !== note.id));
          }}
          className="flex animate-in items-start gap-2 rounded-lg border bg-raised px-3 py-2.5 text-sm shadow-pop"
        >
          {note.kind === "failed" ? (
            <CircleAlert size={16} aria-hidden className="mt-0.5 shrink-0 text-bad" />
          ) : (
            <CircleCheck size={16} aria-hidden className="mt-0.5 shrink-0 text-good" />
          )}
          <Toast.Description className="min-w-0 flex-1 break-words">{note.text}</Toast.Description>
          <Toast.Close aria-label="Dismiss" className="rounded-sm p-0.5 text-faint hover:text-ink">
            <X size={14} aria-hidden />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport className="fixed right-3 bottom-3 z-60 flex w-[min(24rem,calc(100vw-1.5rem))] flex-col gap-2" />
    </Toast.Provider>
  );
}
