import type { Schema } from "@/shared/api/client";

export type Plan = Schema["PlanView"];

export interface Judged {
  id: string;
  provider: string;
  model: string;
  score: number | null;
  parts: Readonly<Record<string, number>>;
  expectedCost: number | null;
  speedFrom: string | null;
  /** When it is asked: 1 is first, null never. */
  place: number | null;
  /** Why it has that place. */
  reason: string | null;
}

/** Every model that was judged or is to be asked, those that are asked first and in their order, then by score. */
export function judged(plan: Plan): Judged[] {
  const places = new Map(
    plan.attempts.map((one, at) => [`${one.provider}/${one.model}`, { ...one, place: at + 1 }]),
  );
  const candidates = plan.candidates.map((one): Judged => {
    const id = `${one.provider}/${one.model}`;
    const asked = places.get(id);
    return { ...one, id, place: asked?.place ?? null, reason: asked?.reason ?? null };
  });
  const seen = new Set(candidates.map((one) => one.id));
  const others = [...places.entries()]
    .filter(([id]) => !seen.has(id))
    .map(([id, one]): Judged => ({ ...one, id, parts: {}, expectedCost: null, speedFrom: null }));
  return [...candidates, ...others].toSorted(
    (a, b) => (a.place ?? Infinity) - (b.place ?? Infinity) || (b.score ?? 0) - (a.score ?? 0),
  );
}

export interface DroppedGroup {
  code: string;
  models: readonly { id: string; reason: string }[];
}

/** What was left out, by the reason's code, the most frequent first. */
export function droppedBy(plan: Plan): DroppedGroup[] {
  const groups = new Map<string, { id: string; reason: string }[]>();
  for (const one of plan.dropped) {
    const group = groups.get(one.code) ?? [];
    group.push({ id: `${one.provider}/${one.model}`, reason: one.reason });
    groups.set(one.code, group);
  }
  return [...groups.entries()]
    .map(([code, models]) => ({ code, models }))
    .toSorted((a, b) => b.models.length - a.models.length || a.code.localeCompare(b.code));
}
