import type { Schema } from "@/shared/api/client";
import { day, money, moment } from "@/shared/lib/format";
import type { Tone } from "@/shared/ui/badge";

export type Budget = Schema["BudgetView"];

export const PERIODS = { day: "a day", week: "a week", month: "a month", total: "in all" } as const;
export const SCOPES = {
  global: "Everything",
  team: "Team",
  user: "User",
  key: "Key",
  provider: "Provider",
  model: "Model",
} as const;
export type BudgetScope = keyof typeof SCOPES;

export interface Standing {
  tone: Tone;
  text: string;
  /** How far its period has come, between 0 and 1; null for one without an end. */
  elapsed: number | null;
  /** How much of it is spent; more than 1 where it only warns. */
  part: number;
}

const DAY_MS = 86_400_000;

/** How a budget stands at a time (milliseconds): what happens next, if it goes on like this. */
export function standing(budget: Budget, now: number): Standing {
  const { spent, amount, startsAt, resetsAt, runsOutAt, hard } = budget;
  const part = amount > 0 ? spent / amount : 1;
  const starts = startsAt === null ? null : Date.parse(startsAt);
  const resets = resetsAt === null ? null : Date.parse(resetsAt);
  const elapsed =
    starts === null || resets === null ? null : Math.max(0, Math.min(1, (now - starts) / (resets - starts)));
  const until = resets === null ? "it is raised" : when(resets, now);
  const same = { elapsed, part };
  if (budget.left <= 0) {
    return hard
      ? { ...same, tone: "bad", text: `Used up: requests are refused until ${until}` }
      : { ...same, tone: "warn", text: `Used up; it only warns, until ${until}` };
  }
  if (runsOutAt !== null) {
    const out = Date.parse(runsOutAt);
    const early = resets === null ? "" : `, ${span(resets - out)} before it begins anew`;
    return { ...same, tone: "warn", text: `At today's pace used up ${when(out, now)}${early}` };
  }
  if (spent === 0) return { ...same, tone: "neutral", text: "Nothing spent yet" };
  const projected = elapsed !== null && elapsed > 0.02 ? spent / elapsed : null;
  const end = resets === null ? "" : ` until ${when(resets, now)}`;
  return {
    ...same,
    tone: "good",
    text: `Lasts${end}${projected === null ? "" : `: ${money(projected)} at today's pace`}`,
  };
}

/** A time near by to the minute, one further off as a day. */
function when(at: number, now: number): string {
  return at - now < 2 * DAY_MS ? moment(at / 1000) : day(at / 1000);
}

function span(ms: number): string {
  const days = Math.round(ms / DAY_MS);
  if (days >= 1) return days === 1 ? "a day" : `${days} days`;
  const hours = Math.max(1, Math.round(ms / 3_600_000));
  return hours === 1 ? "an hour" : `${hours} hours`;
}

/** Those that bite first, then those that will, the fullest first. */
export function urgentFirst(budgets: readonly Budget[], now: number): Budget[] {
  const rank = { bad: 0, warn: 1, good: 2, accent: 2, neutral: 3 };
  return budgets.toSorted((a, b) => {
    const [one, other] = [standing(a, now), standing(b, now)];
    return rank[one.tone] - rank[other.tone] || other.part - one.part || a.name.localeCompare(b.name);
  });
}
