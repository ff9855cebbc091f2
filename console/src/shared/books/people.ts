import { useMemo } from "react";
import { type Schema, query } from "@/shared/api/client";
import { useMay } from "@/shared/session";

export type User = Schema["UserView"];
export type Team = Schema["TeamView"];
export type Key = Schema["VirtualKeyView"];

const MOST = { params: { query: { limit: 500 } } } as const;
const FRESH = { staleTime: 60_000 } as const;

export function useUsers() {
  const can = useMay();
  return query.useQuery("get", "/api/users", MOST, { ...FRESH, enabled: can("admin") });
}

export function useTeams() {
  const can = useMay();
  return query.useQuery("get", "/api/teams", MOST, { ...FRESH, enabled: can("admin") });
}

export function useKeys() {
  const can = useMay();
  return query.useQuery("get", "/api/keys", MOST, { ...FRESH, enabled: can("manage", "read") });
}

/** What somebody would call something that the books know by its id; the id itself where nobody may know. */
export function useNames(): (kind: string, id: string | null | undefined) => string {
  const users = useUsers().data;
  const teams = useTeams().data;
  const keys = useKeys().data;
  return useMemo(() => {
    const known: Record<string, Map<string, string>> = {
      user: new Map(users?.users.map((one) => [one.id, one.name])),
      team: new Map(teams?.teams.map((one) => [one.id, one.name])),
      key: new Map(keys?.keys.map((one) => [one.id, one.name])),
    };
    return (kind, id) => (id ? (known[kind]?.get(id) ?? id) : "none");
  }, [users, teams, keys]);
}
