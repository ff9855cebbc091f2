import { useMemo } from "react";
import { type Schema, query } from "@/shared/api/client";
import { useMay } from "@/shared/session";

export interface Observed {
  requests: number;
  successRate: number | null;
  firstTokenMs: number | null;
  durationMs: number | null;
  tokensPerSecond: number | null;
  costPerRequest: number | null;
}

function useBooks() {
  const can = useMay();
  return query.useQuery(
    "get",
    "/api/usage/models",
    { params: { query: { since: "30d", limit: 200 } } },
    { enabled: can("read", "manage") },
  );
}

/** What was seen of models in the last 30 days, by their full ids: from the books. */
export function useObserved(): ReadonlyMap<string, Observed> {
  const { data } = useBooks();
  return useMemo(() => observedOf(data?.models ?? []), [data]);
}

/** Whether the books have been asked: rows in the order of use would jump if they were shown before. */
export function useObservedOnce(): boolean {
  return !useBooks().isLoading;
}

/** Those that are asked most first, then the rest by name, those that retire last. */
export function mostAskedFirst<T extends { fullId: string; deprecated: boolean; available: boolean }>(
  models: readonly T[],
  observed: ReadonlyMap<string, Observed>,
): T[] {
  const asked = (model: T) => observed.get(model.fullId)?.requests ?? 0;
  return models.toSorted(
    (a, b) =>
      Number(b.available) - Number(a.available) ||
      asked(b) - asked(a) ||
      Number(a.deprecated) - Number(b.deprecated) ||
      a.fullId.localeCompare(b.fullId),
  );
}

export function observedOf(models: readonly Schema["ComparedView"][]): ReadonlyMap<string, Observed> {
  return new Map(
    models.map((one) => [
      one.name,
      {
        requests: one.requests,
        successRate: one.successRate,
        firstTokenMs: one.firstTokenMs.p50,
        durationMs: one.durationMs.p50,
        tokensPerSecond: one.outputTokensPerSecond,
        costPerRequest: one.costPerRequest,
      },
    ]),
  );
}
