import { ArrowDown, ArrowUp, GripVertical, Plus, X } from "lucide-react";
import { type DragEvent, type KeyboardEvent, useRef, useState } from "react";
import { cn } from "@/shared/lib/cn";
import { type Provider, useLLM } from "@/shared/llm/LLMContext";
import { useMay } from "@/shared/session";
import { isChanged, useChangeSetting, useSettings } from "@/shared/settings";
import { Button, IconButton } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { EmptyState } from "@/shared/ui/states";
import { moved, placeAfterKey, sameOrder } from "./ordering";
import { groupOf, standingOf } from "./standing";

const KEY = "routing.fallback_order";

/** Who stands in for whom, first to last: moved by dragging, by arrow keys on the grip, or by buttons. */
export function FallbackOrder({ order }: { order: readonly string[] }) {
  const can = useMay();
  const { providers } = useLLM();
  const change = useChangeSetting();
  const settings = useSettings();
  const [draft, setDraft] = useState<readonly string[] | null>(null);
  const [said, setSaid] = useState("");
  const list = useRef<HTMLOListElement>(null);
  const [dragged, setDragged] = useState<number | null>(null);
  const shown = draft ?? order;
  const known = new Map(providers.map((one) => [one.id, one]));
  const name = (id: string) => known.get(id)?.name ?? id;
  const absent = providers.filter(
    (one) => groupOf(one) === "used" && one.adapter !== "mock" && !shown.includes(one.id),
  );
  const set = (next: readonly string[]) => setDraft(sameOrder(next, order) ? null : next);
  const move = (from: number, to: number) => {
    if (from === to) return;
    set(moved(shown, from, to));
    setSaid(`${name(shown[from]!)} is now number ${to + 1} of ${shown.length}`);
  };
  const walk = (event: KeyboardEvent, at: number) => {
    const to = placeAfterKey(event.key, at, shown.length);
    if (to === null) return;
    event.preventDefault();
    move(at, to);
    requestAnimationFrame(() => list.current?.querySelectorAll<HTMLElement>("[data-grip]")[to]?.focus());
  };
  const save = async () => {
    if (draft && (await change.put(KEY, draft, "The fallback order is kept."))) setDraft(null);
  };
  const editable = can("admin");
  return (
    <Card
      title="Fallback order"
      flush
      actions={
        editable &&
        draft === null &&
        isChanged(settings.data?.get(KEY)) && (
          <Button
            size="sm"
            look="quiet"
            busy={change.busy}
            onClick={() => void change.remove(KEY, "The order is the settings file's again.")}
          >
            Back to the file's
          </Button>
        )
      }
    >
      <p className="px-4 pb-2 text-xs text-soft">
        When the one that was chosen fails, the next of these answers in its place.
      </p>
      {shown.length === 0 ? (
        <EmptyState title="Nobody stands in for anybody" className="py-6">
          Without an order, a request that fails at its provider fails.
        </EmptyState>
      ) : (
        <ol ref={list} className="divide-y border-t" aria-label="Fallback order">
          {shown.map((id, at) => (
            <Place
              key={id}
              id={id}
              at={at}
              size={shown.length}
              provider={known.get(id)}
              editable={editable}
              dragged={dragged === at}
              onKey={(event) => walk(event, at)}
              onMove={(to) => move(at, to)}
              onDrop={() => set(shown.filter((one) => one !== id))}
              onDragStart={() => setDragged(at)}
              onDragOver={(event) => {
                event.preventDefault();
                if (dragged === null || dragged === at) return;
                move(dragged, at);
                setDragged(at);
              }}
              onDragEnd={() => setDragged(null)}
            />
          ))}
        </ol>
      )}
      <p role="status" className="sr-only">
        {said}
      </p>
      {editable && absent.length > 0 && (
        <div className="flex flex-wrap items-center gap-1.5 border-t px-4 py-2">
          <span className="text-xs text-soft">Not in it:</span>
          {absent.map((one) => (
            <Button key={one.id} size="sm" look="quiet" icon={Plus} onClick={() => set([...shown, one.id])}>
              {one.name}
            </Button>
          ))}
        </div>
      )}
      {draft !== null && (
        <div className="flex items-center justify-end gap-2 border-t px-4 py-2">
          <span className="mr-auto text-xs text-warn">Not kept yet</span>
          <Button size="sm" onClick={() => setDraft(null)}>
            Discard
          </Button>
          <Button size="sm" look="primary" busy={change.busy} onClick={() => void save()}>
            Save order
          </Button>
        </div>
      )}
    </Card>
  );
}

function Place({
  id,
  at,
  size,
  provider,
  editable,
  dragged,
  onKey,
  onMove,
  onDrop,
  onDragStart,
  onDragOver,
  onDragEnd,
}: {
  id: string;
  at: number;
  size: number;
  provider: Provider | undefined;
  editable: boolean;
  dragged: boolean;
  onKey: (event: KeyboardEvent) => void;
  onMove: (to: number) => void;
  onDrop: () => void;
  onDragStart: () => void;
  onDragOver: (event: DragEvent) => void;
  onDragEnd: () => void;
}) {
  const name = provider?.name ?? id;
  const standing = provider ? standingOf(provider) : { word: "unknown", tone: "neutral" as const };
  const asleep = !provider || groupOf(provider) !== "used" || !provider.enabled;
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- for the mouse alone: keys have the grip
    <li
      draggable={editable}
      onDragStart={onDragStart}
      onDragOver={onDragOver}
      onDragEnd={onDragEnd}
      className={cn("flex items-center gap-2 px-2 py-1 text-sm", dragged && "bg-accent-wash")}
    >
      {editable && (
        <button
          type="button"
          data-grip
          aria-label={`Move ${name}: arrow keys, now number ${at + 1} of ${size}`}
          onKeyDown={onKey}
          className="flex size-6 shrink-0 cursor-grab items-center justify-center rounded-sm text-faint hover:text-ink"
        >
          <GripVertical size={14} aria-hidden />
        </button>
      )}
      <span data-figures className={cn("w-4 shrink-0 text-right text-xs text-faint", !editable && "ml-2")}>
        {at + 1}
      </span>
      <span className={cn("min-w-0 flex-1 truncate", asleep && "text-faint")}>{name}</span>
      <span
        className={cn(
          "text-xs whitespace-nowrap",
          standing.tone === "good" && "sr-only",
          { neutral: "text-faint", good: "", warn: "text-warn", bad: "text-bad", accent: "text-accent" }[
            standing.tone
          ],
        )}
      >
        {standing.word}
      </span>
      {editable && (
        <span className="flex">
          <IconButton
            icon={ArrowUp}
            size="sm"
            label={`Move ${name} up`}
            disabled={at === 0}
            onClick={() => onMove(at - 1)}
          />
          <IconButton
            icon={ArrowDown}
            size="sm"
            label={`Move ${name} down`}
            disabled={at === size - 1}
            onClick={() => onMove(at + 1)}
          />
          <IconButton icon={X} size="sm" label={`Take ${name} out`} onClick={onDrop} />
        </span>
      )}
    </li>
  );
}
