import { useState } from "react";
import { cn } from "@/shared/lib/cn";
import { useLLM } from "@/shared/llm/LLMContext";
import { isChanged, useChangeSetting, useSettings } from "@/shared/settings";
import { Button } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { Input } from "@/shared/ui/field";
import { Loaded } from "@/shared/ui/states";
import { STRATEGIES, labelOf } from "./strategies";

/** What chooses where a request names no model; an admin's to change. */
export function StrategyCard() {
  const settings = useSettings();
  const change = useChangeSetting();
  const [draft, setDraft] = useState<string | null>(null);
  const save = async () => {
    if (draft === null) return;
    if (await change.put("routing.strategy", draft, `“${labelOf(draft)}” chooses from now on.`))
      setDraft(null);
  };
  return (
    <Card
      title="Strategy"
      flush
      actions={
        isChanged(settings.data?.get("routing.strategy")) && (
          <Button
            size="sm"
            look="quiet"
            busy={change.busy}
            onClick={() =>
              void change.remove("routing.strategy", "The strategy is the settings file's again.")
            }
          >
            Back to the file's
          </Button>
        )
      }
    >
      <Loaded of={settings} lines={6}>
        {(all) => {
          const said = all.get("routing.strategy")?.value;
          const now = typeof said === "string" ? said : "balanced";
          const shown = draft ?? now;
          return (
            <div role="radiogroup" aria-label="Strategy" className="flex flex-col pb-1">
              {STRATEGIES.map((one) => (
                <label
                  key={one.value}
                  className={cn(
                    "flex cursor-pointer items-baseline gap-2.5 px-4 py-1 text-sm hover:bg-sunken",
                    shown === one.value && "bg-accent-wash",
                  )}
                >
                  <input
                    type="radio"
                    name="strategy"
                    value={one.value}
                    checked={shown === one.value}
                    onChange={() => setDraft(one.value === now ? null : one.value)}
                    className="translate-y-0.5 accent-accent"
                  />
                  <span className={cn("whitespace-nowrap", shown === one.value && "font-medium")}>
                    {one.label}
                  </span>
                  <span className="ml-auto text-right text-xs text-soft">{one.prefers}</span>
                </label>
              ))}
              {draft !== null && (
                <div className="mt-1 flex items-center justify-end gap-2 border-t px-4 pt-2 pb-1">
                  <span className="mr-auto text-xs text-warn">Not kept yet</span>
                  <Button size="sm" onClick={() => setDraft(null)}>
                    Discard
                  </Button>
                  <Button size="sm" look="primary" busy={change.busy} onClick={() => void save()}>
                    Save strategy
                  </Button>
                </div>
              )}
              <Weights
                key={JSON.stringify(all.get("routing.weights")?.value)}
                weights={(all.get("routing.weights")?.value ?? {}) as Record<string, number>}
                inForce={now === "round-robin"}
              />
            </div>
          );
        }}
      </Loaded>
    </Card>
  );
}

function Weights({ weights, inForce }: { weights: Readonly<Record<string, number>>; inForce: boolean }) {
  const { providers } = useLLM();
  const change = useChangeSetting();
  const [draft, setDraft] = useState<Readonly<Record<string, string>>>({});
  const rows = providers.filter(
    (one) => one.enabled && one.status !== "unconfigured" && one.adapter !== "mock",
  );
  if (rows.length === 0) return null;
  const shown = (id: string) => draft[id] ?? String(weights[id] ?? 1);
  const good = rows.every((one) => /^([1-9]\d?|100)$/.test(shown(one.id)));
  const save = async () => {
    const known = new Set(rows.map((one) => one.id));
    const others = Object.entries(weights).filter(([id]) => !known.has(id));
    const said = rows.map((one): [string, number] => [one.id, Number(shown(one.id))]);
    const next = Object.fromEntries([...others, ...said.filter(([, weight]) => weight !== 1)]);
    if (await change.put("routing.weights", next, "The weights are kept.")) setDraft({});
  };
  return (
    <form
      className="mt-2 border-t px-4 pt-3 pb-2"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <h3 className="text-sm font-medium">Weights</h3>
      <p className="mb-2 text-xs text-soft">
        How often each comes round in turns{inForce ? "" : "; only “Round robin” heeds them"}.
      </p>
      <div className="grid grid-cols-2 gap-x-4 gap-y-1.5">
        {rows.map((one) => (
          <label key={one.id} className="flex items-center gap-2 text-sm">
            <span className="min-w-0 flex-1 truncate">{one.name}</span>
            <Input
              type="number"
              min={1}
              max={100}
              aria-label={`Weight of ${one.name}`}
              value={shown(one.id)}
              onChange={(event) => setDraft({ ...draft, [one.id]: event.target.value })}
              className="w-15 text-right"
            />
          </label>
        ))}
      </div>
      {Object.keys(draft).length > 0 && (
        <div className="mt-2 flex items-center justify-end gap-2">
          {!good && <span className="mr-auto text-xs text-bad">Whole numbers from 1 to 100</span>}
          <Button size="sm" onClick={() => setDraft({})}>
            Discard
          </Button>
          <Button size="sm" look="primary" type="submit" busy={change.busy} disabled={!good}>
            Save weights
          </Button>
        </div>
      )}
    </form>
  );
}
