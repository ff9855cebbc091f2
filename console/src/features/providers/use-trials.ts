import { useState } from "react";
import { type Schema, api } from "@/shared/api/client";
import { ApiError, messageOf } from "@/shared/api/error";
import type { Provider } from "@/shared/llm/LLMContext";

export type Step = Schema["providers_StepView"];

export interface Trial {
  busy: boolean;
  ok?: boolean;
  steps: readonly Step[];
  /** When it ended, milliseconds since the epoch. */
  at?: number;
}

/**
 * Try providers out, each by itself; what came of it stays until the next time.
 *
 * One that only the caller's own key opens is asked as the caller.
 */
export function useTrials(): [
  Readonly<Record<string, Trial>>,
  (provider: Provider, how: { complete: boolean; own: boolean }) => Promise<void>,
] {
  const [trials, setTrials] = useState<Record<string, Trial>>({});
  const tell = (id: string, trial: Trial) => setTrials((before) => ({ ...before, [id]: trial }));
  const run = async (provider: Provider, how: { complete: boolean; own: boolean }) => {
    tell(provider.id, { busy: true, steps: [] });
    const found = how.own ? await answered(provider.id) : await checked(provider.id, how.complete);
    tell(provider.id, { busy: false, at: Date.now(), ...found });
  };
  return [trials, run];
}

async function checked(
  provider: string,
  complete: boolean,
): Promise<{ ok: boolean; steps: readonly Step[] }> {
  try {
    const { data } = await api.POST("/api/llm-providers/test", { body: { provider, complete } });
    return { ok: data?.ok ?? false, steps: data?.steps ?? [] };
  } catch (error) {
    return failedStep("models", error, 0);
  }
}

async function answered(provider: string): Promise<{ ok: boolean; steps: readonly Step[] }> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  try {
    const { data } = await api.POST("/api/models/generate", {
      body: { provider, prompt: "Say ok.", options: { maxTokens: 16 } },
    });
    const told = `${data?.provider}/${data?.model} answered with your key`;
    return { ok: true, steps: [{ step: "answer", ok: true, told, seconds: seconds(), code: null }] };
  } catch (error) {
    return failedStep("answer", error, seconds());
  }
}

function failedStep(step: string, error: unknown, seconds: number): { ok: boolean; steps: readonly Step[] } {
  const code = error instanceof ApiError ? error.code : null;
  return { ok: false, steps: [{ step, ok: false, told: messageOf(error), seconds, code }] };
}
