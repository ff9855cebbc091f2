import type { Schema } from "@/shared/api/client";
import { type Series, TimeChart } from "@/shared/ui/chart";
import { Card } from "@/shared/ui/card";
import { type Asked, EmptyState, Loaded } from "@/shared/ui/states";
import { Segmented } from "@/shared/ui/tabs";
import { type Step, startsOf } from "./series";

type Report = Schema["ReportView"];

interface Props<Metric extends string> {
  title: string;
  note: string;
  /** What the chart shows, for who cannot see it. */
  label: string;
  report: Asked<Report>;
  step: Step;
  metrics: Record<Metric, { label: string; format: (value: number | null) => string }>;
  metric: Metric;
  onMetric: (metric: Metric) => void;
  series: (report: Report, times: number[]) => Series[];
  kind?: "lines" | "stacked";
  height?: number;
  /** What to do where nobody asked anything in this time. */
  otherwise: string;
}

/** A report over time as a chart, one metric of some at a time. */
export function OverTime<Metric extends string>(props: Props<Metric>) {
  const { title, note, label, report, step, metrics, metric, onMetric, series, kind, height } = props;
  return (
    <Card
      title={title}
      note={note}
      flush
      actions={
        <Segmented
          label="What is shown"
          value={metric}
          onValue={onMetric}
          options={(Object.keys(metrics) as Metric[]).map((value) => ({
            value,
            label: metrics[value].label,
          }))}
        />
      }
    >
      <div className="px-3 pt-2 pb-3">
        <Loaded of={report} lines={6}>
          {(data) => {
            const times = startsOf(data, step);
            return data.total.usage.requests === 0 ? (
              <EmptyState title="No requests in this time">{props.otherwise}</EmptyState>
            ) : (
              <TimeChart
                label={label}
                times={times}
                series={series(data, times)}
                format={metrics[metric].format}
                kind={kind}
                height={height}
              />
            );
          }}
        </Loaded>
      </div>
    </Card>
  );
}
