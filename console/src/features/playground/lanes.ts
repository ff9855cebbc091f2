/** Models side by side: which ones, what each took, and which did best. */
import type { Answer } from "@/shared/chat/answer";
import type { Provider } from "@/shared/llm/LLMContext";

export const MOST = 4;
const AT_FIRST = 2;
const FALLBACK = ["auto:cost", "auto:quality", "auto:performance", "auto:balanced"];

/** The models to compare: those named, or the chosen one beside those of providers that can be asked. */
export function laneNames(
  named: string,
  chosen: string,
  providers: readonly Pick<Provider, "id" | "available" | "defaultModel">[],
  taken: readonly string[] = [],
): string[] {
  const given = named.split(",").filter(Boolean).slice(0, MOST);
  if (given.length >= AT_FIRST) return given;
  const others = providers
    .filter((one) => one.available && one.defaultModel)
    .map((one) => `${one.id}/${one.defaultModel}`);
  const first = given[0] ?? (chosen === "auto" ? "" : chosen);
  return [...new Set([first, ...others, ...FALLBACK])]
    .filter((name) => name && !taken.includes(name))
    .slice(0, AT_FIRST);
}

export interface Figures {
  first: number | null;
  total: number | null;
  /** Tokens of the answer a second, from its first word on. */
  speed: number | null;
  tokens: [number, number] | null;
  cost: number | null;
}

export function figuresOf(answer: Answer | null): Figures {
  const usage = answer?.took?.usage ?? null;
  const first = answer?.firstMs ?? null;
  const total = answer?.totalMs ?? null;
  const writing = first !== null && total !== null ? total - first : 0;
  return {
    first,
    total,
    speed: usage && writing > 0 ? usage.outputTokens / (writing / 1000) : null,
    tokens: usage && [usage.inputTokens, usage.outputTokens],
    cost: answer?.took?.cost ?? null,
  };
}

/** Of each answer, the figures in which it beats all others; none while one is under way, or alone. */
export function bestOf(answers: readonly (Answer | null)[]): ReadonlySet<string>[] {
  const found = answers.map(() => new Set<string>());
  const done = answers.flatMap((answer, at) =>
    answer?.state === "done" ? [{ at, of: figuresOf(answer) }] : [],
  );
  if (done.length < 2 || answers.some((one) => one?.state === "waiting" || one?.state === "coming"))
    return found;
  for (const name of ["first", "total", "speed", "cost"] as const) {
    const known = done.flatMap(({ at, of }) => (of[name] === null ? [] : [{ at, value: of[name] }]));
    const sorted = known.toSorted((a, b) => (name === "speed" ? b.value - a.value : a.value - b.value));
    if (sorted.length > 1 && sorted[0]!.value !== sorted[1]!.value) found[sorted[0]!.at]!.add(name);
  }
  return found;
}
