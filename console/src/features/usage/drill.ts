import { DIMENSIONS, type Dimension, type Filters, withFilter } from "@/shared/books/filters";
import type { Step } from "@/shared/books/series";

const MOST_STEPS = 1000;
const HOURS: Record<Step, number> = { hour: 1, day: 24, week: 168, month: 672 };

/** Steps that make a chart of a time: neither one bar nor more than the gateway gives. */
export function stepsFor(hours: number): Step[] {
  return (["hour", "day", "week", "month"] as const).filter(
    (step) => hours / HOURS[step] <= MOST_STEPS && hours / HOURS[step] >= 1,
  );
}

/** The changes to the address that look into one group: it becomes a filter, and what it is made of the groups. */
export function drilled(filters: Filters, by: Dimension, name: string): Record<string, string | undefined> {
  const after = withFilter(filters, by, name);
  const order: Dimension[] = [DIMENSIONS[by].next, "model", "user", "key", "provider", "team"];
  const settled = (one: Dimension) =>
    after[one] !== undefined || (one === "provider" && after.model?.includes("/"));
  return { ...after, by: order.find((one) => one !== by && !settled(one)) ?? by, sort: undefined };
}

/** Where the report is as a table for spreadsheets. */
export function exportUrl(cut: Record<string, string | undefined>, by: Dimension, step: Step): string {
  const said: Record<string, string | undefined> = { ...cut, by, step, format: "csv" };
  const pairs = Object.entries(said).flatMap(([name, value]) => (value ? [[name, value]] : []));
  return `/api/usage?${new URLSearchParams(pairs).toString()}`;
}

/** How much a group took of all, between 0 and 1. */
export function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, part / whole) : 0;
}
