import { X } from "lucide-react";
import type { ReactNode } from "react";
import { count, duration, money, percent, perMillion, tokens, words } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { type Model, useModels } from "@/shared/llm/useModels";
import { IconButton } from "@/shared/ui/button";
import { Sheet } from "@/shared/ui/dialog";
import { best, differing } from "./comparing";
import { type Observed, useObserved } from "./observed";

interface Row {
  label: string;
  show: (model: Model, seen: Observed | undefined) => ReactNode;
  /** What the best is told by, and whether more or less of it is better. */
  rank?: [(model: Model, seen: Observed | undefined) => number | null | undefined, "most" | "least"];
}

const ROWS: readonly Row[] = [
  {
    label: "Input, per million",
    show: (model) => perMillion(model.costPer1kTokens.input),
    rank: [(model) => model.costPer1kTokens.input, "least"],
  },
  {
    label: "Output, per million",
    show: (model) => perMillion(model.costPer1kTokens.output),
    rank: [(model) => model.costPer1kTokens.output, "least"],
  },
  {
    label: "Context",
    show: (model) => tokens(model.contextWindow),
    rank: [(model) => model.contextWindow, "most"],
  },
  {
    label: "Longest answer",
    show: (model) => tokens(model.maxTokens),
    rank: [(model) => model.maxTokens, "most"],
  },
  { label: "Quality", show: (model) => model.qualityTier },
  { label: "Speed", show: (model) => model.latencyTier.replace("-", " ") },
  { label: "Requests in 30 days", show: (_, seen) => count(seen?.requests ?? 0) },
  {
    label: "First token, median",
    show: (_, seen) => duration(seen?.firstTokenMs),
    rank: [(_, seen) => seen?.firstTokenMs, "least"],
  },
  {
    label: "Tokens a second",
    show: (_, seen) => count(seen?.tokensPerSecond),
    rank: [(_, seen) => seen?.tokensPerSecond, "most"],
  },
  {
    label: "Success",
    show: (_, seen) => percent(seen?.successRate),
    rank: [(_, seen) => seen?.successRate, "most"],
  },
  {
    label: "Cost of a request",
    show: (_, seen) => money(seen?.costPerRequest),
    rank: [(_, seen) => seen?.costPerRequest, "least"],
  },
];

/** Up to four models beside each other; the best of each row stands out. */
export function ModelComparison({
  ids,
  open,
  onOpenChange,
  onDrop,
}: {
  ids: readonly string[];
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onDrop: (id: string) => void;
}) {
  const all = useModels();
  const observed = useObserved();
  const models = ids
    .map((id) => all.data?.find((one) => one.fullId === id))
    .filter((one) => one !== undefined);
  const { shared, telling } = differing(models.map((model) => model.capabilities));
  return (
    <Sheet
      wide
      open={open}
      onOpenChange={onOpenChange}
      title="Compare models"
      description="Documented figures, and what your own requests have seen in 30 days."
    >
      {}
      <div tabIndex={0} role="region" aria-label="Comparison" className="-mx-4 overflow-x-auto px-4">
        <table className="w-full text-sm">
          <thead>
            <tr>
              <th scope="col" className="w-40 min-w-32 text-left text-xs font-medium text-soft">
                <span className="sr-only">What is compared</span>
              </th>
              {models.map((model) => (
                <th
                  key={model.fullId}
                  scope="col"
                  className="min-w-36 px-2 pb-2 text-left align-top font-semibold"
                >
                  <span className="flex items-start justify-between gap-1">
                    <span className="min-w-0 break-words">
                      {model.name}
                      <span className="block text-xs font-normal text-faint">{model.provider}</span>
                    </span>
                    <IconButton
                      icon={X}
                      size="sm"
                      label={`Take ${model.fullId} out`}
                      onClick={() => onDrop(model.fullId)}
                    />
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ROWS.map((row) => {
              const leading = row.rank
                ? best(
                    models.map((model) => row.rank![0](model, observed.get(model.fullId)) ?? null),
                    row.rank[1],
                  )
                : null;
              return (
                <tr key={row.label} className="border-t">
                  <th scope="row" className="py-1.5 pr-2 text-left font-normal text-soft">
                    {row.label}
                  </th>
                  {models.map((model, at) => (
                    <td
                      key={model.fullId}
                      data-figures
                      className={cn("px-2 py-1.5", leading?.has(at) && "font-semibold text-good")}
                    >
                      {row.show(model, observed.get(model.fullId))}
                      {leading?.has(at) && <span className="sr-only"> (best)</span>}
                    </td>
                  ))}
                </tr>
              );
            })}
            {telling.map((name) => (
              <tr key={name} className="border-t">
                <th scope="row" className="py-1.5 pr-2 text-left font-normal text-soft">
                  {words(name)}
                </th>
                {models.map((model) => (
                  <td
                    key={model.fullId}
                    className={cn("px-2 py-1.5", !model.capabilities.includes(name) && "text-faint")}
                  >
                    {model.capabilities.includes(name) ? "yes" : "no"}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shared.length > 0 && (
        <p className="mt-4 text-sm text-soft">
          All of them: {shared.map((name) => words(name).toLowerCase()).join(", ")}.
        </p>
      )}
    </Sheet>
  );
}
