import type { Schema } from "@/shared/api/client";
import type { Scope } from "@/shared/session";

export type Key = Schema["VirtualKeyView"];

/** The measures of limits, by the names that the API has, and what they count. */
export const LIMITS = {
  requestsPerMinute: { label: "Requests a minute", short: "req/min" },
  requestsPerDay: { label: "Requests a day", short: "req/day" },
  inputTokensPerMinute: { label: "Input tokens a minute", short: "tokens in/min" },
  inputTokensPerDay: { label: "Input tokens a day", short: "tokens in/day" },
  outputTokensPerMinute: { label: "Output tokens a minute", short: "tokens out/min" },
  outputTokensPerDay: { label: "Output tokens a day", short: "tokens out/day" },
  concurrentRequests: { label: "Requests at a time", short: "at a time" },
} as const;

export type LimitName = keyof typeof LIMITS;
export const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[];
/** As they are typed. */
export type LimitTexts = Partial<Record<LimitName, string>>;

export const SCOPES: readonly { value: Scope; label: string; hint: string }[] = [
  { value: "use", label: "Use", hint: "ask models" },
  { value: "read", label: "Read", hint: "see its own requests and costs" },
  { value: "manage", label: "Manage", hint: "make keys, see the team's costs" },
  { value: "admin", label: "Admin", hint: "everything, for everybody" },
];

export const EXPIRIES = [
  { value: "", label: "Never" },
  { value: "1", label: "In a day" },
  { value: "7", label: "In a week" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
] as const;

/** A key as a form has it. `expires` is days from now, or a time; no models or providers are all of them. */
export interface Draft {
  name: string;
  userId: string;
  teamId: string;
  scopes: Scope[];
  models: string[];
  providers: string[];
  limits: LimitTexts;
  tags: string[];
  expires: string;
}

export const EMPTY: Draft = {
  name: "",
  userId: "",
  teamId: "",
  scopes: ["use", "read"],
  models: [],
  providers: [],
  limits: {},
  tags: [],
  expires: "",
};

export function draftOf(key: Key): Draft {
  return {
    name: key.name,
    userId: key.userId,
    teamId: key.teamId ?? "",
    scopes: key.scopes as Scope[],
    models: [...(key.models ?? [])],
    providers: [...(key.providers ?? [])],
    limits: textsOf(key.limits),
    tags: [...key.tags],
    expires: key.expiresAt ?? "",
  };
}

export function textsOf(limits: Record<string, number>): LimitTexts {
  return Object.fromEntries(Object.entries(limits).map(([name, most]) => [name, String(most)]));
}

/** The body that makes or changes a key. */
export function bodyOf(draft: Draft, now = Date.now()): Schema["KeyUpdateForm"] {
  const days = Number(draft.expires);
  const limits = limitsOf(draft.limits);
  return {
    name: draft.name.trim(),
    teamId: draft.teamId || null,
    scopes: draft.scopes,
    models: draft.models.length > 0 ? draft.models : null,
    providers: draft.providers.length > 0 ? draft.providers : null,
    limits: Object.keys(limits).length > 0 ? limits : null,
    tags: draft.tags,
    expiresAt:
      draft.expires === ""
        ? null
        : days > 0
          ? new Date(now + days * 86_400_000).toISOString()
          : draft.expires,
  };
}

export function limitsOf(texts: LimitTexts): Partial<Record<LimitName, number>> {
  return Object.fromEntries(
    LIMIT_NAMES.flatMap((name) => {
      const text = texts[name]?.trim() ?? "";
      return text === "" ? [] : [[name, Number(text)]];
    }),
  );
}

/** What is wrong with limits as they are typed, by their names. */
export function limitProblems(texts: LimitTexts): Partial<Record<LimitName, string>> {
  return Object.fromEntries(
    Object.entries(limitsOf(texts)).flatMap(([name, most]) =>
      Number.isInteger(most) && most >= 1 ? [] : [[name, "A whole number, 1 or more."]],
    ),
  );
}

/** What a key may not do that others may, in a few words. */
export function restrictions(key: Pick<Key, "models" | "providers" | "limits">): string[] {
  const found: string[] = [];
  if (key.models) found.push(key.models.length === 1 ? key.models[0]! : `${key.models.length} models`);
  if (key.providers)
    found.push(key.providers.length === 1 ? `only ${key.providers[0]}` : `${key.providers.length} providers`);
  for (const name of LIMIT_NAMES) {
    const most = key.limits[name];
    if (most !== undefined) found.push(`${most.toLocaleString("en-GB")} ${LIMITS[name].short}`);
  }
  return found;
}

/** Scopes as words, the least first. */
export function rights(scopes: readonly string[]): string {
  if (scopes.includes("admin")) return "everything";
  return (
    SCOPES.map((one) => one.value)
      .filter((name) => scopes.includes(name))
      .join(", ") || "nothing"
  );
}
