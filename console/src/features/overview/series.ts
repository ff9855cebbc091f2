import type { Schema } from "@/shared/api/client";
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

/** Every start of a step in a report's time, in seconds: also those in which nothing happened. */
export function starts(report: Pick<Report, "period">, step: "hour" | "day"): number[] {
  const length = step === "hour" ? 3600 : 86_400;
  const first = Math.floor(Date.parse(report.period.since) / 1000 / length) * length;
  const end = Date.parse(report.period.until) / 1000;
  return Array.from(
    { length: Math.max(0, Math.ceil((end - first) / length)) },
    (_, at) => first + at * length,
  );
}

/** One series for each group, on the same times; no requests are none of anything, but no time to the first token. */
export function seriesOf(
  report: Pick<Report, "groups" | "others">,
  times: readonly number[],
  metric: Metric,
): Series[] {
  const { of, stacked } = METRICS[metric];
  const groups = [...report.groups, ...(report.others ? [report.others] : [])];
  return groups.map((group) => {
    const at = new Map(group.steps.map((step) => [Date.parse(step.start) / 1000, of(step)]));
    return {
      label: group.name || (group === report.others ? "others" : "none"),
      values: times.map((time) => at.get(time) ?? (stacked ? 0 : null)),
    };
  });
}
