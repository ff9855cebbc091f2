import type { Schema } from "@/shared/api/client";
import { groupSeries } from "@/shared/books/series";
import { count, duration, money, short } from "@/shared/lib/format";
import type { Series } from "@/shared/ui/chart";

type Report = Schema["ReportView"];
type Step = Schema["usage_StepView"];

export const METRICS = {
  requests: { label: "Requests", of: (step: Step) => step.requests, format: count, stacked: true },
  totalTokens: { label: "Tokens", of: (step: Step) => step.totalTokens, format: short, stacked: true },
  cost: { label: "Cost", of: (step: Step) => step.cost, format: money, stacked: true },
  failedCalls: { label: "Failed calls", of: (step: Step) => step.failedCalls, format: count, stacked: true },
  firstToken: {
    label: "First token",
    of: (step: Step) => step.averageFirstTokenMs,
    format: (ms: number | null) => duration(ms),
    stacked: false,
  },
} as const;

export type Metric = keyof typeof METRICS;

/** One series for each group, on the same times; no requests are none of anything, but no time to the first token. */
export function seriesOf(
  report: Pick<Report, "groups" | "others">,
  times: readonly number[],
  metric: Metric,
): Series[] {
  const { of, stacked } = METRICS[metric];
  return groupSeries(report, times, of, { absent: stacked ? 0 : null });
}
