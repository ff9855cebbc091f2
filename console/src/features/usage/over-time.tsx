import type { Schema } from "@/shared/api/client";
import { DIMENSIONS, type Dimension } from "@/shared/books/filters";
import { useNames } from "@/shared/books/people";
import { type Step, groupSeries, startsOf } from "@/shared/books/series";
import { count, money, short } from "@/shared/lib/format";
import { useParam } from "@/shared/lib/url";
import { Card } from "@/shared/ui/card";
import { TimeChart } from "@/shared/ui/chart";
import { type Asked, EmptyState, Loaded } from "@/shared/ui/states";
import { Segmented } from "@/shared/ui/tabs";

type Point = Schema["usage_StepView"];

const METRICS = {
  cost: { label: "Cost", of: (point: Point) => point.cost, format: money },
  requests: { label: "Requests", of: (point: Point) => point.requests, format: count },
  tokens: { label: "Tokens", of: (point: Point) => point.totalTokens, format: short },
} as const;
type Metric = keyof typeof METRICS;

export function OverTime({
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
  const { label, of, format } = METRICS[metric];
  return (
    <Card
      title={`${label} over time`}
      note={`the dearest ${DIMENSIONS[by].many}, each ${step} (UTC)`}
      flush
      actions={
        <Segmented
          label="What is shown"
          value={metric}
          onValue={setMetric}
          options={Object.entries(METRICS).map(([value, one]) => ({
            value: value as Metric,
            label: one.label,
          }))}
        />
      }
    >
      <div className="px-3 pt-2 pb-3">
        <Loaded of={report} lines={6}>
          {(data) => {
            if (data.total.usage.requests === 0)
              return (
                <EmptyState title="No requests in this time">
                  Choose a longer time, or take a filter away.
                </EmptyState>
              );
            const times = startsOf(data, step);
            return (
              <TimeChart
                label={`${label} by ${DIMENSIONS[by].label.toLowerCase()} over time`}
                times={times}
                series={groupSeries(data, times, of, { name: (id) => names(by, id) })}
                format={format}
                kind="stacked"
                height={240}
              />
            );
          }}
        </Loaded>
      </div>
    </Card>
  );
}
