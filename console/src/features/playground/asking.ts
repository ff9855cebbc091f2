/** How a model is asked: which one, with which tools and parameters. It stands in the address, so that a link has it. */
import { useCallback, useMemo } from "react";
import type { Schema } from "@/shared/api/client";
import { useAddress } from "@/shared/lib/url";

export interface Asking {
  /** Any name of a model, an alias, `auto` or `auto:<strategy>`. */
  model: string;
  /** Empty: none. */
  agent: string;
  /** `null`: those of the settings. */
  tools: readonly string[] | null;
  instructions: string;
  temperature: number | null;
  topP: number | null;
  maxTokens: number | null;
  effort: string;
  seed: number | null;
  /** USD for one answer with all its rounds. */
  maxCost: number | null;
}

export const EFFORTS = ["minimal", "low", "medium", "high"] as const;

type Search = Record<string, string | undefined>;

function number(text: string | undefined): number | null {
  const value = Number(text);
  return text === undefined || text.trim() === "" || !Number.isFinite(value) ? null : value;
}

export function askingOf(search: Search): Asking {
  return {
    model: search.model ?? "auto",
    agent: search.agent ?? "",
    tools:
      search.tools === undefined ? null : search.tools.split(",").filter((name) => name && name !== "none"),
    instructions: search.instructions ?? "",
    temperature: number(search.temperature),
    topP: number(search.topP),
    maxTokens: number(search.maxTokens),
    effort: search.effort ?? "",
    seed: number(search.seed),
    maxCost: number(search.maxCost),
  };
}

export function searchOf(asking: Asking): Search {
  const text = (value: number | null) => (value === null ? undefined : String(value));
  return {
    model: asking.model === "auto" ? undefined : asking.model,
    agent: asking.agent || undefined,
    tools: asking.tools === null ? undefined : asking.tools.join(",") || "none",
    instructions: asking.instructions || undefined,
    temperature: text(asking.temperature),
    topP: text(asking.topP),
    maxTokens: text(asking.maxTokens),
    effort: asking.effort || undefined,
    seed: text(asking.seed),
    maxCost: text(asking.maxCost),
  };
}

/** The members of a request's body that say how; without what says nothing. */
export function bodyOf(asking: Asking): Partial<Schema["ChatMessageForm"]> {
  const { temperature, topP, maxTokens, effort, seed } = asking;
  const options = { temperature, topP, maxTokens, seed, reasoningEffort: effort || null };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));
  return {
    model: asking.model,
    ...(asking.agent && { agent: asking.agent }),
    ...(asking.tools !== null && { tools: [...asking.tools] }),
    ...(asking.maxCost !== null && { maxCostUsd: asking.maxCost }),
    ...(Object.keys(given).length > 0 && { options: given }),
  };
}

/** How many parameters are other than they are by themselves. */
export function changed(asking: Asking): number {
  const { temperature, topP, maxTokens, effort, seed, maxCost, tools, instructions } = asking;
  return (
    [temperature, topP, maxTokens, seed, maxCost, tools].filter((value) => value !== null).length +
    [effort, instructions].filter(Boolean).length
  );
}

export function useAsking(): [Asking, (changes: Partial<Asking>) => void] {
  const [search, change] = useAddress();
  const asking = useMemo(() => askingOf(search), [search]);
  const set = useCallback(
    (changes: Partial<Asking>) => change(searchOf({ ...asking, ...changes })),
    [asking, change],
  );
  return [asking, set];
}
