import { useMemo } from "react";
import { perMillion, tokens } from "@/shared/lib/format";
import { Combobox, type Item } from "@/shared/ui/combobox";
import { useModels } from "./useModels";

/** Names that let the gateway choose. */
export const STRATEGIES: readonly Item[] = [
  { value: "auto", label: "auto", detail: "the gateway's strategy", group: "Let the gateway choose" },
  { value: "auto:balanced", label: "auto:balanced", group: "Let the gateway choose" },
  { value: "auto:cost", label: "auto:cost", detail: "cheapest that fits", group: "Let the gateway choose" },
  {
    value: "auto:performance",
    label: "auto:performance",
    detail: "fastest",
    group: "Let the gateway choose",
  },
  { value: "auto:quality", label: "auto:quality", detail: "best", group: "Let the gateway choose" },
  { value: "auto:round-robin", label: "auto:round-robin", group: "Let the gateway choose" },
  { value: "auto:coding", label: "auto:coding", group: "Let the gateway choose" },
  { value: "auto:creative", label: "auto:creative", group: "Let the gateway choose" },
];

/** Choose a model by any of its names, with its price and context; strategies too, and aliases where they are known. */
export function ModelSelector({
  value,
  onValue,
  strategies = true,
  aliases = [],
  all = false,
  capability,
  label = "Model",
  className,
}: {
  value: string;
  onValue: (value: string) => void;
  strategies?: boolean;
  aliases?: readonly string[];
  /** Also those that cannot be asked now, greyed out. */
  all?: boolean;
  /** Only models that can do this. */
  capability?: string;
  label?: string;
  className?: string;
}) {
  const models = useModels();
  const items = useMemo<Item[]>(() => {
    const rows = (models.data ?? []).filter(
      (model) =>
        (all || model.available) && (capability === undefined || model.capabilities.includes(capability)),
    );
    return [
      ...(strategies ? STRATEGIES : []),
      ...aliases.map((name) => ({ value: name, label: name, group: "Aliases" })),
      ...rows.map((model) => ({
        value: model.fullId,
        label: model.fullId,
        keywords: [model.name, model.provider, ...model.capabilities],
        detail: model.available
          ? `${tokens(model.contextWindow)} · ${perMillion(model.costPer1kTokens.input)} / ${perMillion(model.costPer1kTokens.output)}`
          : model.whyNot,
        group: model.provider,
        disabled: !model.available,
      })),
    ];
  }, [models.data, strategies, aliases, all, capability]);
  return (
    <Combobox
      label={label}
      value={value}
      onValue={onValue}
      items={items}
      className={className}
      wide
      empty={models.error ? "The models cannot be listed now." : "No model fits."}
    />
  );
}
