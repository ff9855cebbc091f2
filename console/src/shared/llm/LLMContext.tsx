import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, createContext, useCallback, useContext, useMemo, useState } from "react";
import { type Schema, api, query } from "@/shared/api/client";
import { messageOf } from "@/shared/api/error";
import { useMay } from "@/shared/session";

export type Provider = Schema["ProviderView"];

export interface Sent {
  success: boolean;
  response?: string;
  error?: string;
  answer?: Schema["AnswerView"];
}

export interface LLM {
  /** The id of the provider that goes first where a request names none. */
  currentProvider: string | null;
  currentModel: string | null;
  providers: Provider[];
  switchProvider: (provider: string, model?: string) => Promise<void>;
  sendMessage: (message: string, options?: { provider?: string; model?: string }) => Promise<Sent>;
  loading: boolean;
}

/** Whether a provider in use has something held against it. */
export function inTrouble(provider: Provider): boolean {
  return provider.status === "unavailable" || provider.status === "degraded";
}

const Context = createContext<LLM | null>(null);

/** Gives whatever is inside the providers there are, which goes first, and a way to ask. */
export function LLMProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const mayKnow = useMay()("use", "read");
  const status = query.useQuery(
    "get",
    "/api/llm-providers/status",
    {},
    {
      enabled: mayKnow,
      // What is in trouble is looked at more often: it may be over soon.
      refetchInterval: ({ state }) =>
        Object.values(state.data?.providers ?? {}).some(inTrouble) ? 4_000 : 15_000,
    },
  );
  const [underWay, setUnderWay] = useState(0);
  const switchProvider = useCallback(
    async (provider: string, model?: string) => {
      await api.POST("/api/llm-providers/switch", { body: { provider, model } });
      void client.invalidateQueries({ queryKey: ["get", "/api/settings"] });
      await client.invalidateQueries({ queryKey: ["get", "/api/llm-providers/status"] });
    },
    [client],
  );
  const sendMessage = useCallback(
    async (message: string, options: { provider?: string; model?: string } = {}): Promise<Sent> => {
      setUnderWay((count) => count + 1);
      try {
        const { data } = await api.POST("/api/models/generate", { body: { prompt: message, ...options } });
        return { success: true, response: data?.content ?? "", answer: data };
      } catch (error) {
        return { success: false, error: messageOf(error) };
      } finally {
        setUnderWay((count) => count - 1);
      }
    },
    [],
  );
  const value = useMemo<LLM>(
    () => ({
      currentProvider: status.data?.current ?? null,
      currentModel: status.data?.currentModel ?? null,
      providers: Object.values(status.data?.providers ?? {}),
      switchProvider,
      sendMessage,
      loading: status.isLoading || underWay > 0,
    }),
    [status.data, status.isLoading, underWay, switchProvider, sendMessage],
  );
  return <Context value={value}>{children}</Context>;
}

export function useLLM(): LLM {
  const value = useContext(Context);
  if (!value) throw new Error("useLLM is for what is inside an LLMProvider");
  return value;
}
