import type { Schema } from "@/shared/api/client";
import { type Budget, type BudgetScope, SCOPES } from "./pace";

/** A budget as a form has it. */
export interface Draft {
  scope: BudgetScope;
  target: string;
  amount: string;
  period: "day" | "week" | "month" | "total";
  name: string;
  hard: boolean;
  warnAt: string;
}

export function draftOf(budget?: Budget, start = ""): Draft {
  const [scope, ...rest] = start.split(":");
  const known = scope !== undefined && scope in SCOPES;
  return {
    scope: known ? (scope as BudgetScope) : "global",
    target: known ? rest.join(":") : "",
    amount: budget ? String(budget.amount) : "",
    period: "month",
    name: budget?.name ?? "",
    hard: budget?.hard ?? true,
    warnAt: (budget?.warnAt ?? [0.8]).map((part) => Number((part * 100).toFixed(2))).join(", "),
  };
}

const parts = (text: string) =>
  text
    .split(",")
    .map((one) => one.replace("%", "").trim())
    .filter((one) => one !== "")
    .map(Number);

export function problems(draft: Draft): { amount?: string; warnAt?: string } {
  const amount = Number(draft.amount);
  const found: { amount?: string; warnAt?: string } = {};
  if (draft.amount !== "" && !(amount >= 0 && amount <= 1_000_000))
    found.amount = "A number from 0 to 1,000,000.";
  if (!parts(draft.warnAt).every((part) => part > 0 && part <= 100)) found.warnAt = "Numbers from 1 to 100.";
  return found;
}

export function changesOf(draft: Draft): Required<Pick<Schema["BudgetForm"], "name" | "amount" | "hard">> & {
  warnAt: number[];
} {
  return {
    name: draft.name.trim(),
    amount: Number(draft.amount),
    hard: draft.hard,
    warnAt: parts(draft.warnAt).map((part) => part / 100),
  };
}

export function bodyOf(draft: Draft): Schema["BudgetForm"] {
  const { scope, period } = draft;
  return { ...changesOf(draft), scope, period, target: scope === "global" ? "" : draft.target };
}
