import type { Schema } from "@/shared/api/client";
import { DIMENSIONS, type Dimension } from "@/shared/books/filters";
import { OverTime } from "@/shared/books/over-time";
import { useNames } from "@/shared/books/people";
import { type Step, groupSeries } from "@/shared/books/series";
import { count, money, short } from "@/shared/lib/format";
import { useParam } from "@/shared/lib/url";
import type { Asked } from "@/shared/ui/states";

type Point = Schema["usage_StepView"];

const METRICS = {
  cost: { label: "Cost", of: (point: Point) => point.cost, format: money },
  requests: { label: "Requests", of: (point: Point) => point.requests, format: count },
  tokens: { label: "Tokens", of: (point: Point) => point.totalTokens, format: short },
} as const;
type Metric = keyof typeof METRICS;

export function UsageOverTime({
  report,
  by,
  step,
}: {
  report: Asked<Schema["ReportView"]>;
  by: Dimension;
  step: Step;
}) {
  const names = useNames();
  const [asked, setMetric] = useParam<Metric>("metric", "cost");
  const metric = asked in METRICS ? asked : "cost";
  const { label, of } = METRICS[metric];
  return (
    <OverTime
      title={`${label} over time`}
      note={`the dearest ${DIMENSIONS[by].many}, each ${step} (UTC)`}
      label={`${label} by ${DIMENSIONS[by].label.toLowerCase()} over time`}
      report={report}
      step={step}
      metrics={METRICS}
      metric={metric}
      onMetric={setMetric}
      series={(data, times) => groupSeries(data, times, of, { name: (id) => names(by, id) })}
      kind="stacked"
      height={240}
      otherwise="Choose a longer time, or take a filter away."
    />
  );
}
