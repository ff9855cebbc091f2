import { query } from "@/shared/api/client";

export const LATEST = 12;

/** Alerts and recommendations. */
export function useInsights() {
  return query.useQuery("get", "/api/llm-providers/telemetry/insights", {}, { refetchInterval: 60_000 });
}

/** The requests that ended last before the page was opened. */
export function useLatest() {
  return query.useQuery("get", "/api/usage/requests", { params: { query: { limit: LATEST, since: "30d" } } });
}
