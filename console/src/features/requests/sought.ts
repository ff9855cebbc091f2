import type { Filters } from "@/shared/books/filters";
import type { Option } from "@/shared/ui/field";
import type { Request } from "./timeline";

export type Status = "ok" | "error" | "cancelled" | "lost";

export const PAGE = 200;

export const STATUSES: readonly Option<Status | "">[] = [
  { value: "", label: "Any ending" },
  { value: "ok", label: "Went well" },
  { value: "error", label: "Failed" },
  { value: "cancelled", label: "Cancelled" },
  { value: "lost", label: "Lost" },
];

export const SLOWER: readonly Option[] = [
  { value: "", label: "Any time" },
  ...[1, 3, 10, 30, 60].map((seconds) => ({
    value: `${seconds}`,
    label: `Longer than ${seconds} s`,
  })),
];

/** What is wanted of requests besides `Filters`. */
export interface Sought {
  status?: Status;
  error?: string;
  /** What they were made for: a request with rounds of tools, or a batch. */
  parent?: string;
  longerThanMs?: number;
}

/** Read it from an address; what makes no sense there is left out. */
export function soughtOf(search: Record<string, string | undefined>): Sought {
  const status = STATUSES.find((one) => one.value !== "" && one.value === search.status)?.value;
  const seconds = Number(search.slower);
  return {
    status: status || undefined,
    error: search.error,
    parent: search.parent,
    longerThanMs: seconds > 0 ? Math.round(seconds * 1000) : undefined,
  };
}

/** Tell whether a request that just ended is one of those wanted. */
export function matches(request: Request, wanted: Filters & Sought): boolean {
  const { model, tag, status, error, parent, longerThanMs } = wanted;
  const fields = ["provider", "user", "key", "team", "conversation"] as const;
  return (
    fields.every((name) => wanted[name] === undefined || request[name] === wanted[name]) &&
    (model === undefined || request.model === model || `${request.provider}/${request.model}` === model) &&
    (tag === undefined || request.tags.includes(tag)) &&
    (status === undefined || request.status === status) &&
    (error === undefined || request.error === error) &&
    (parent === undefined || request.parent === parent) &&
    (longerThanMs === undefined || request.durationMs > longerThanMs)
  );
}

/** Where all of them are as a table for spreadsheets. */
export function csvUrl(asked: Record<string, string | number | undefined>): string {
  const pairs = Object.entries(asked).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, String(value)]],
  );
  return `/api/usage/requests?${new URLSearchParams([...pairs, ["format", "csv"]]).toString()}`;
}
