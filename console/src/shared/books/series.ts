import type { Schema } from "@/shared/api/client";
import type { Series } from "@/shared/ui/chart";

type Report = Schema["ReportView"];
type Point = Schema["usage_StepView"];
export type Step = "hour" | "day" | "week" | "month";

const HOUR = 3600;
const DAY = 86_400;

/** The start of the step that a time (seconds) is in, as the gateway has them: UTC, weeks begin on Monday. */
export function stepStart(seconds: number, step: Step): number {
  if (step === "hour") return Math.floor(seconds / HOUR) * HOUR;
  const day = Math.floor(seconds / DAY);
  if (step === "day") return day * DAY;
  if (step === "week") return (Math.floor((day + 3) / 7) * 7 - 3) * DAY;
  const date = new Date(seconds * 1000);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / 1000;
}

/** Every start of a step in a report's time, in seconds: also those in which nothing happened. */
export function startsOf(report: Pick<Report, "period">, step: Step): number[] {
  const end = Date.parse(report.period.until) / 1000;
  const found: number[] = [];
  for (let at = stepStart(Date.parse(report.period.since) / 1000, step); at < end;) {
    found.push(at);
    at =
      step === "month" ? stepStart(at + 32 * DAY, step) : at + { hour: HOUR, day: DAY, week: 7 * DAY }[step];
  }
  return found;
}

/** One series for each group on the same times; `absent` stands where a group had no requests. */
export function groupSeries(
  report: Pick<Report, "groups" | "others">,
  times: readonly number[],
  of: (point: Point) => number | null,
  options: { absent?: number | null; name?: (id: string) => string } = {},
): Series[] {
  const { absent = 0, name = plain } = options;
  const groups = [...report.groups, ...(report.others ? [report.others] : [])];
  return groups.map((group) => {
    const at = new Map<number, number | null>(
      group.steps.map((point) => [Date.parse(point.start) / 1000, of(point)]),
    );
    return {
      label: group === report.others ? "others" : name(group.name),
      values: times.map((time) => at.get(time) ?? absent),
    };
  });
}

const plain = (id: string) => id || "none";
