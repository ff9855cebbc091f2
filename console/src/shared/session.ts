import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { type Schema, api, query } from "@/shared/api/client";

export type Scope = "admin" | "manage" | "use" | "read";
export type Session = Schema["SessionView"];

export const SESSION_KEY = ["get", "/api/session"] as const;

/** Who is at this browser, and what they may. */
export function useSession() {
  const asked = query.useQuery("get", "/api/session", {}, { staleTime: 60_000 });
  const client = useQueryClient();
  // What somebody else had seen goes; who is signed in stays, because the page is listening to that.
  const become = useCallback(
    (session: Session | undefined) => {
      client.removeQueries({ predicate: (one) => one.queryKey[1] !== SESSION_KEY[1] });
      client.setQueryData([...SESSION_KEY, {}], session);
    },
    [client],
  );
  const signOut = useCallback(async () => {
    const { data } = await api.DELETE("/api/session");
    become(data);
  }, [become]);
  const signIn = useCallback(
    async (key: string) => {
      const { data } = await api.POST("/api/session", { body: { key } });
      become(data);
    },
    [become],
  );
  return { session: asked.data, error: asked.error, refetch: asked.refetch, signIn, signOut };
}

/** Tell whether who is signed in has one of some scopes; `admin` has all of them. */
export function may(session: Pick<Session, "scopes"> | undefined, ...needs: Scope[]): boolean {
  const has = session?.scopes ?? [];
  return needs.length === 0 || has.includes("admin") || needs.some((need) => has.includes(need));
}

/** `may` of who is signed in: `const can = useMay(); … can("admin") && <Button>…`. */
export function useMay(): (...needs: Scope[]) => boolean {
  const { session } = useSession();
  return useMemo(
    () =>
      (...needs: Scope[]) =>
        may(session, ...needs),
    [session],
  );
}
