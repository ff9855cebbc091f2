import type { Schema } from "@/shared/api/client";
import { count, duration, money, percent, words } from "@/shared/lib/format";

type Alert = Schema["AlertView"];
type Advice = Schema["AdviceView"];

export interface Target {
  to: string;
  search: Record<string, string>;
  /** What is there, as the words of a link. */
  label: string;
}

/** Where what a finding rests on can be looked at. */
export function whereToLook(
  finding: Pick<Alert | Advice, "code" | "provider" | "model" | "evidence">,
): Target | null {
  const { code, provider, model, evidence } = finding;
  if ("budget" in evidence) return { to: "/budgets", search: {}, label: "See the budget" };
  if ("key" in evidence) return { to: "/keys", search: { key: String(evidence.key) }, label: "See the key" };
  if (provider !== null && typeof evidence.error === "string") {
    return { to: "/requests", search: { provider, error: evidence.error }, label: "See these requests" };
  }
  if (provider !== null) return { to: "/providers", search: { provider }, label: "See the provider" };
  if (typeof evidence.other === "string" && model !== null) {
    return {
      to: "/models",
      search: { compare: `${model},${evidence.other}`, comparing: "yes" },
      label: "Compare the two",
    };
  }
  if (model !== null) return { to: "/usage", search: { by: "model", model }, label: "See its usage" };
  return code.includes("cost") ? { to: "/usage", search: { by: "model" }, label: "See the usage" } : null;
}

const MONEY = new Set(["amount", "spent", "cost", "otherCost"]);
const PARTS = new Set(["share", "before", "rate"]);

/** The figures of a finding as names and texts. */
export function figures(evidence: Alert["evidence"]): [string, string][] {
  return Object.entries(evidence)
    .filter(([name, value]) => value !== null && !["budget", "key"].includes(name))
    .map(([name, value]) => {
      const label = words(name.replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase());
      if (typeof value !== "number") return [label, String(value)];
      if (MONEY.has(name) || (name === "usual" && "cost" in evidence)) return [label, money(value)];
      if (name.endsWith("Ms")) return [label.replace(/ ms$/, ""), duration(value)];
      if (PARTS.has(name) && value <= 5) return [label, percent(value)];
      return [label, count(value)];
    });
}

const GRAVITY = { critical: 0, high: 1, medium: 2, low: 3 } as const;

export function gravestFirst<T extends { severity: keyof typeof GRAVITY }>(alerts: readonly T[]): T[] {
  return alerts.toSorted((a, b) => GRAVITY[a.severity] - GRAVITY[b.severity]);
}
