import { SearchX } from "lucide-react";
import { useMemo } from "react";
import { duration, percent, perMillion, tokens } from "@/shared/lib/format";
import type { Model } from "@/shared/llm/useModels";
import { Badge } from "@/shared/ui/badge";
import { Button } from "@/shared/ui/button";
import { Checkbox } from "@/shared/ui/field";
import { EmptyState } from "@/shared/ui/states";
import { type Column, DataTable } from "@/shared/ui/table";
import { Capabilities, LATENCY, QUALITY } from "./tiers";
import type { Observed } from "./observed";

const UNKNOWN_LAST = Number.MAX_SAFE_INTEGER;

export function ModelsTable({
  rows,
  observed,
  chosen,
  onChoose,
  open,
  onOpen,
  onReset,
}: {
  rows: readonly Model[];
  observed: ReadonlyMap<string, Observed>;
  chosen: readonly string[];
  onChoose: (id: string) => void;
  open: string;
  onOpen: (id: string) => void;
  onReset: () => void;
}) {
  const columns = useMemo<Column<Model>[]>(
    () => [
      {
        id: "choose",
        header: () => <span className="sr-only">Compare</span>,
        enableSorting: false,
        size: 44,
        cell: ({ row }) => (
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions -- keeps a press on the box from opening the row
          <span onClick={(event) => event.stopPropagation()} className="flex">
            <Checkbox
              label={`Compare ${row.original.fullId}`}
              hideLabel
              checked={chosen.includes(row.original.fullId)}
              onChecked={() => onChoose(row.original.fullId)}
            />
          </span>
        ),
      },
      {
        id: "model",
        header: "Model",
        accessorFn: (model) => model.fullId,
        meta: { grow: true },
        cell: ({ row: { original: model } }) => (
          <span className="flex min-w-0 items-center gap-2">
            <span
              aria-hidden
              className={
                model.available
                  ? "size-2 shrink-0 rounded-full bg-good"
                  : "size-2 shrink-0 rounded-full border border-edge"
              }
            />
            <span className="truncate">
              <span className="hidden text-faint sm:inline">{model.provider}/</span>
              {model.fullId.slice(model.provider.length + 1)}
              {!model.available && <span className="sr-only"> (cannot be asked now)</span>}
            </span>
            {model.deprecated && (
              <Badge tone="warn" className="hidden sm:inline-flex">
                retiring
              </Badge>
            )}
          </span>
        ),
      },
      {
        id: "can",
        header: "Can do",
        enableSorting: false,
        size: 190,
        meta: { wide: true },
        cell: ({ row }) => <Capabilities of={row.original.capabilities} />,
      },
      {
        id: "context",
        header: "Context",
        accessorFn: (model) => model.contextWindow ?? 0,
        size: 82,
        meta: { figures: true, wide: true },
        cell: ({ row }) => tokens(row.original.contextWindow),
      },
      {
        id: "in",
        sortDescFirst: false,
        header: "In $/M",
        accessorFn: (model) => model.costPer1kTokens.input ?? UNKNOWN_LAST,
        size: 82,
        meta: { figures: true },
        cell: ({ row }) => perMillion(row.original.costPer1kTokens.input),
      },
      {
        id: "out",
        sortDescFirst: false,
        header: "Out $/M",
        accessorFn: (model) => model.costPer1kTokens.output ?? UNKNOWN_LAST,
        size: 88,
        meta: { figures: true },
        cell: ({ row }) => perMillion(row.original.costPer1kTokens.output),
      },
      {
        id: "quality",
        sortDescFirst: false,
        header: "Quality",
        accessorFn: (model) => QUALITY.indexOf(model.qualityTier),
        size: 92,
        meta: { wide: true },
        cell: ({ row }) => row.original.qualityTier,
      },
      {
        id: "speed",
        sortDescFirst: false,
        header: "Speed",
        accessorFn: (model) => LATENCY.indexOf(model.latencyTier),
        size: 92,
        meta: { wide: true },
        cell: ({ row }) => row.original.latencyTier.replace("-", " "),
      },
      {
        id: "first",
        sortDescFirst: false,
        header: "First token",
        accessorFn: (model) => observed.get(model.fullId)?.firstTokenMs ?? UNKNOWN_LAST,
        size: 104,
        meta: { figures: true, wide: true },
        cell: ({ row }) => duration(observed.get(row.original.fullId)?.firstTokenMs),
      },
      {
        id: "success",
        header: "Success",
        accessorFn: (model) => observed.get(model.fullId)?.successRate ?? -1,
        size: 92,
        meta: { figures: true, wide: true },
        cell: ({ row }) => <Success rate={observed.get(row.original.fullId)?.successRate} />,
      },
    ],
    [chosen, observed, onChoose],
  );
  return (
    <DataTable
      label="Models"
      rows={rows}
      columns={columns}
      id={(model) => model.fullId}
      open={open}
      onOpen={(model) => onOpen(model.fullId)}
      height="calc(100dvh - 15rem)"
      empty={
        <EmptyState
          icon={SearchX}
          title="No model meets all of this"
          action={<Button onClick={onReset}>Show all models</Button>}
        >
          Ask for less, or add a provider's key: models of providers without one are listed under “All”.
        </EmptyState>
      }
    />
  );
}

function Success({ rate }: { rate: number | null | undefined }) {
  return <span className={rate != null && rate < 0.9 ? "text-bad" : undefined}>{percent(rate)}</span>;
}
