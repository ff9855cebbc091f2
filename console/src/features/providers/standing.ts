import type { Schema } from "@/shared/api/client";
import type { Provider } from "@/shared/llm/LLMContext";
import type { Tone } from "@/shared/ui/badge";

/** How a provider stands, in a word and its colour. */
export interface Standing {
  word: string;
  tone: Tone;
}

/** Where a provider is listed: it may answer, only where it is named, or something is missing. */
export type Group = "used" | "named" | "missing";

export function groupOf(provider: Provider): Group {
  if (!provider.enabled || (provider.needs === null && provider.status !== "unconfigured")) return "used";
  return provider.needs === null ? "named" : "missing";
}

export function standingOf(provider: Provider): Standing {
  if (!provider.enabled) return { word: "switched off", tone: "neutral" };
  switch (provider.status) {
    case "connected":
      return { word: "connected", tone: "good" };
    case "degraded":
      return { word: "degraded", tone: "warn" };
    case "unavailable":
      return { word: "unavailable", tone: "bad" };
    default:
      return provider.needs === null
        ? { word: "when named", tone: "neutral" }
        : { word: "not set up", tone: "neutral" };
  }
}

const BREAKER: Record<Provider["circuitBreaker"]["state"], Standing> = {
  CLOSED: { word: "closed", tone: "good" },
  HALF_OPEN: { word: "half open", tone: "warn" },
  OPEN: { word: "open", tone: "bad" },
};

export function breakerOf(breaker: Provider["circuitBreaker"]): Standing {
  return BREAKER[breaker.state];
}

/** The breaker that matters most: the provider's own, or the worst of its models'. */
export function gravestBreaker(provider: Provider): Provider["circuitBreaker"] {
  const order = ["CLOSED", "HALF_OPEN", "OPEN"];
  return [provider.circuitBreaker, ...Object.values(provider.asked).map((one) => one.circuitBreaker)].reduce(
    (worst, one) => (order.indexOf(one.state) > order.indexOf(worst.state) ? one : worst),
  );
}

/** Providers with trouble first, then those that are asked the most, then by name; switched off ones last. */
export function gravestFirst(
  providers: readonly Provider[],
  calls: (id: string) => number,
): readonly Provider[] {
  const rank = (one: Provider) =>
    !one.enabled ? 9 : one.status === "unavailable" ? 0 : one.status === "degraded" ? 1 : 2;
  return providers.toSorted(
    (a, b) => rank(a) - rank(b) || calls(b.id) - calls(a.id) || a.name.localeCompare(b.name),
  );
}

export interface Change {
  at: number;
  provider: string;
  tone: Tone;
  text: string;
}

/** What changed of providers from one look at them to the next; `at` is milliseconds since the epoch. */
export function changesBetween(
  before: readonly Provider[],
  after: readonly Provider[],
  at: number,
): Change[] {
  const was = new Map(before.map((one) => [one.id, one]));
  return after.flatMap((now): Change[] => {
    const then = was.get(now.id);
    if (!then || (then.status === now.status && then.enabled === now.enabled)) return [];
    const reason = now.reason ? `: ${now.reason}` : "";
    const told = (tone: Tone, text: string): Change[] => [
      { at, provider: now.id, tone, text: `${now.name} ${text}` },
    ];
    if (!now.enabled) return told("neutral", "was switched off");
    if (!then.enabled) return told("good", "was switched on");
    switch (now.status) {
      case "connected":
        return then.status === "unconfigured"
          ? told("good", "can be asked now")
          : told("good", "answers again");
      case "degraded":
        return told("warn", `is degraded${reason}`);
      case "unavailable":
        return told("bad", `is unavailable${reason}`);
      default:
        return told("neutral", `is not set up any more${reason}`);
    }
  });
}

/** A step of a test in its parts: what happened, its stable code, and what to do about it. */
export function toldParts(told: string): { what: string; code: string | null; advice: string | null } {
  const found = /^(.*?) \[([a-z0-9_]+)\](?:: (.*))?$/s.exec(told);
  if (!found) return { what: told, code: null, advice: null };
  return { what: found[1]!, code: found[2]!, advice: found[3] ?? null };
}

export interface Bar {
  calls: number;
  failed: number;
}

/** One provider's hours in at most `most` bars of the same length, the oldest first; quiet hours are empty bars. */
export function barsOf(
  history: readonly Pick<Schema["HourView"], "hour" | "provider" | "calls" | "failedCalls">[],
  provider: string,
  period: Schema["SpanView"],
  most = 24,
): Bar[] {
  const hour = 3_600_000;
  const begin = Date.parse(period.since);
  const hours = Math.max(1, Math.round((Date.parse(period.until) - begin) / hour));
  const wide = Math.ceil(hours / most);
  const bars: Bar[] = Array.from({ length: Math.ceil(hours / wide) }, () => ({ calls: 0, failed: 0 }));
  for (const one of history) {
    if (one.provider !== provider) continue;
    const bar = bars[Math.floor((Date.parse(one.hour) - begin) / hour / wide)];
    if (!bar) continue;
    bar.calls += one.calls;
    bar.failed += one.failedCalls;
  }
  return bars;
}
