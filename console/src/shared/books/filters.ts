import { useMemo } from "react";
import { useAddress } from "@/shared/lib/url";

/** What the books keep sums by, and can be cut by. */
export const DIMENSIONS = {
  model: { label: "Model", many: "models", next: "user" },
  provider: { label: "Provider", many: "providers", next: "model" },
  user: { label: "User", many: "users", next: "model" },
  key: { label: "Key", many: "keys", next: "model" },
  team: { label: "Team", many: "teams", next: "user" },
  conversation: { label: "Conversation", many: "conversations", next: "model" },
  tag: { label: "Tag", many: "tags", next: "model" },
} as const;

export type Dimension = keyof typeof DIMENSIONS;
export type Filters = Partial<Record<Dimension, string>>;

export const DIMENSION_NAMES = Object.keys(DIMENSIONS) as Dimension[];

/** The filters that stand in an address, each under its own name. */
export function filtersOf(search: Record<string, string | undefined>): Filters {
  return Object.fromEntries(
    DIMENSION_NAMES.filter((name) => search[name]).map((name) => [name, search[name]]),
  );
}

/**
 * Change one filter. Conversations are not kept by tag: choosing the one drops the other.
 */
export function withFilter(filters: Filters, name: Dimension, value: string | undefined): Filters {
  const after: Filters = { ...filters, [name]: value || undefined };
  if (value && name === "tag") after.conversation = undefined;
  if (value && name === "conversation") after.tag = undefined;
  return after;
}

export function useFilters(): [Filters, (name: Dimension, value: string | undefined) => void] {
  const [search, change] = useAddress();
  const filters = useMemo(() => filtersOf(search), [search]);
  return [filters, (name, value) => change(withFilter(filters, name, value))];
}
