import { useMemo, useState } from "react";
import { cn } from "@/shared/lib/cn";
import { perMillion, tokens } from "@/shared/lib/format";
import { Combobox, type Item } from "@/shared/ui/combobox";
import { type Model, useModels } from "./useModels";
import { useAliases } from "./useAliases";

const CHOOSES = "Let the gateway choose";

/** Names that let the gateway choose. */
export const STRATEGIES: readonly Item[] = [
  { value: "auto", label: "auto", detail: "the gateway's strategy", group: CHOOSES },
  { value: "auto:balanced", label: "auto:balanced", detail: "cost, speed and quality", group: CHOOSES },
  { value: "auto:cost", label: "auto:cost", detail: "cheapest that fits", group: CHOOSES },
  { value: "auto:performance", label: "auto:performance", detail: "fastest", group: CHOOSES },
  { value: "auto:quality", label: "auto:quality", detail: "best", group: CHOOSES },
  { value: "auto:simple", label: "auto:simple", detail: "for easy tasks", group: CHOOSES },
  { value: "auto:complex", label: "auto:complex", detail: "for hard tasks", group: CHOOSES },
  { value: "auto:coding", label: "auto:coding", detail: "for code", group: CHOOSES },
  { value: "auto:creative", label: "auto:creative", detail: "for writing", group: CHOOSES },
  { value: "auto:round-robin", label: "auto:round-robin", detail: "each in turn", group: CHOOSES },
];

const LONG = 200_000;
const CHEAP_PER_1K = 0.001;

/** What the list can be narrowed to. */
const FILTERS: readonly { name: string; holds: (model: Model) => boolean }[] = [
  { name: "Tools", holds: (model) => model.capabilities.includes("function-calling") },
  { name: "Images", holds: (model) => model.capabilities.includes("vision") },
  { name: "Reasoning", holds: (model) => model.capabilities.includes("reasoning") },
  { name: `${tokens(LONG)} context`, holds: (model) => (model.contextWindow ?? 0) >= LONG },
  {
    name: `Under ${perMillion(CHEAP_PER_1K)}`,
    holds: (model) => model.costPer1kTokens.input !== null && model.costPer1kTokens.input < CHEAP_PER_1K,
  },
  { name: "Open weights", holds: (model) => model.openSource },
];

const SHORT: Record<string, string> = {
  "function-calling": "tools",
  vision: "images",
  reasoning: "reasoning",
};

/** Choose a model by any of its names, with what it can do, holds and costs; strategies and aliases too. */
export function ModelSelector({
  value,
  onValue,
  strategies = true,
  all = false,
  capability,
  label = "Model",
  className,
}: {
  value: string;
  onValue: (value: string) => void;
  /** Also names that stand for models: strategies and aliases. */
  strategies?: boolean;
  /** Also those that cannot be asked now, from the beginning. */
  all?: boolean;
  /** Only models that can do this. */
  capability?: string;
  label?: string;
  className?: string;
}) {
  const models = useModels();
  const aliases = useAliases();
  const [filters, setFilters] = useState<readonly string[]>([]);
  const [away, setAway] = useState(all);
  const items = useMemo<Item[]>(() => {
    const wanted = FILTERS.filter((filter) => filters.includes(filter.name));
    const rows = (models.data ?? []).filter(
      (model) =>
        (away || model.available) &&
        (capability === undefined || model.capabilities.includes(capability)) &&
        (model.capabilities.includes("text") || capability !== undefined) &&
        wanted.every((filter) => filter.holds(model)),
    );
    const names = strategies && wanted.length === 0;
    return [
      ...(names ? STRATEGIES : []),
      ...(names ? (aliases.data ?? []).map((name) => ({ value: name, label: name, group: "Aliases" })) : []),
      ...rows.map((model) => ({
        value: model.fullId,
        label: model.fullId,
        keywords: [model.name, model.provider, ...model.capabilities],
        detail: <Told of={model} />,
        group: model.provider,
        disabled: !model.available,
      })),
    ];
  }, [models.data, aliases.data, strategies, capability, filters, away]);
  const chips = [
    ...FILTERS.map((filter) => ({
      name: filter.name,
      on: filters.includes(filter.name),
      turn: () =>
        setFilters((before) =>
          before.includes(filter.name)
            ? before.filter((name) => name !== filter.name)
            : [...before, filter.name],
        ),
    })),
    { name: "Unavailable too", on: away, turn: () => setAway(!away) },
  ];
  return (
    <Combobox
      label={label}
      value={value}
      onValue={onValue}
      items={items}
      className={className}
      wide
      empty={models.error ? "The models cannot be listed now." : "No model fits. Loosen the filters."}
      header={
        <div role="group" aria-label="Filters" className="flex shrink-0 flex-wrap gap-1 border-b px-2 py-1.5">
          {chips.map((chip) => (
            <button
              key={chip.name}
              type="button"
              aria-pressed={chip.on}
              onClick={chip.turn}
              className={cn(
                "h-6 rounded-sm border px-1.5 text-xs text-soft hover:text-ink",
                chip.on && "border-accent bg-accent-wash text-accent-strong",
              )}
            >
              {chip.name}
            </button>
          ))}
        </div>
      }
    />
  );
}

/** What a model can do, holds and costs, or what keeps it from being asked. */
function Told({ of }: { of: Model }) {
  if (!of.available) return <span className="block max-w-64 truncate">{of.whyNot}</span>;
  const can = Object.keys(SHORT).filter((name) => of.capabilities.includes(name));
  return (
    <span data-figures className="flex items-center gap-2">
      <span className="hidden sm:inline">{can.map((name) => SHORT[name]).join(", ")}</span>
      <span className="w-10 text-right">{tokens(of.contextWindow)}</span>
      <span className="w-24 text-right">
        {perMillion(of.costPer1kTokens.input)} / {perMillion(of.costPer1kTokens.output)}
      </span>
    </span>
  );
}
