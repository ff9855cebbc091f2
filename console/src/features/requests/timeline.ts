import type { Schema } from "@/shared/api/client";
import { duration, plural } from "@/shared/lib/format";

export type Request = Schema["RequestView"];
export type Call = Schema["CallView"];

/** A stretch of a request, in milliseconds from its beginning. */
export interface Stretch {
  kind: "before" | "failed" | "pause" | "first" | "writing" | "whole" | "after";
  from: number;
  to: number;
}

export interface Row {
  label: string;
  /** What became of it. */
  said: string;
  bad: boolean;
  stretches: Stretch[];
}

/** Shorter is the books' own precision, not time that went anywhere. */
const NOTHING_MS = 2;

/** The calls of a request; one that went well at once is not kept by itself, and is the request. */
export function callsOf(request: Request, attempts: readonly Call[]): Call[] {
  if (attempts.length > 0) return [...attempts];
  if (request.cached || request.provider === null || request.model === null || request.tries === 0) return [];
  return [
    {
      provider: request.provider,
      model: request.model,
      at: request.at,
      durationMs: request.durationMs,
      firstTokenMs: request.firstTokenMs,
      error: request.status === "error" ? request.error : null,
      cancelled: request.status === "cancelled",
      inputTokens: request.inputTokens,
      outputTokens: request.outputTokens,
      cost: request.cost,
      reportedCost: request.reportedCost,
      estimated: request.estimated,
    },
  ];
}

/** A request as rows of a waterfall: each call, and the waiting before, between and after. */
export function waterfall(request: Request, attempts: readonly Call[]): Row[] {
  const begin = Date.parse(request.at);
  const rows: Row[] = [];
  let at = 0;
  const wait = (to: number, kind: "before" | "pause" | "after", label: string) => {
    if (to - at >= NOTHING_MS)
      rows.push({ label, said: duration(to - at), bad: false, stretches: [{ kind, from: at, to }] });
    at = Math.max(at, to);
  };
  for (const [index, call] of callsOf(request, attempts).entries()) {
    const from = Math.max(0, Date.parse(call.at) - begin);
    wait(from, index === 0 ? "before" : "pause", index === 0 ? "Before the first call" : "Pause");
    const to = from + call.durationMs;
    rows.push({
      label: `${call.provider}/${call.model}`,
      ...toldOf(call),
      stretches: stretchesOf(call, from, to),
    });
    at = Math.max(at, to);
  }
  if (request.cached)
    rows.push({
      label: "Answer from the cache",
      said: duration(request.durationMs),
      bad: false,
      stretches: [{ kind: "whole", from: 0, to: request.durationMs }],
    });
  else
    wait(
      request.durationMs,
      rows.length > 0 ? "after" : "before",
      rows.length > 0 ? "After it" : "Nobody was called",
    );
  return rows;
}

/** Round times for an axis that ends at `whole` milliseconds: three to six, the last not too near to the end. */
export function ticks(whole: number): number[] {
  const rough = whole / 5;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-6)));
  const step = [1, 2, 5, 10].map((by) => by * power).find((one) => one >= rough) ?? whole;
  const found: number[] = [];
  for (let at = 0; at <= whole * 0.96; at += step) found.push(at);
  return found;
}

function toldOf(call: Call): { said: string; bad: boolean } {
  const took = duration(call.durationMs);
  if (call.error !== null) return { said: `${call.error.replaceAll("_", " ")} after ${took}`, bad: true };
  if (call.cancelled) return { said: `cancelled after ${took}`, bad: false };
  return { said: took, bad: false };
}

function stretchesOf(call: Call, from: number, to: number): Stretch[] {
  if (call.error !== null) return [{ kind: "failed", from, to }];
  const first = call.firstTokenMs;
  if (first === null || first >= call.durationMs) return [{ kind: "whole", from, to }];
  return [
    { kind: "first", from, to: from + first },
    { kind: "writing", from: from + first, to },
  ];
}

/** What is usual for the model that answered. */
export interface Usual {
  firstTokenMs: number | null;
  durationMs: number | null;
}

export interface Cause {
  text: string;
  ms: number;
}

/** Where the time of a request went, the most of it first. */
export function causes(request: Request, attempts: readonly Call[], usual?: Usual | null): Cause[] {
  const found: Cause[] = [];
  const calls = callsOf(request, attempts);
  const failed = calls.filter((call) => call.error !== null);
  const lost = sum(failed.map((call) => call.durationMs));
  if (lost >= NOTHING_MS) {
    const where = [...new Set(failed.map((call) => `${call.provider}/${call.model}`))].join(", ");
    const why = [...new Set(failed.map((call) => call.error!.replaceAll("_", " ")))].join(", ");
    found.push({ text: `${plural(failed.length, "call")} to ${where} failed: ${why}`, ms: lost });
  }
  const waits = waterfall(request, attempts).flatMap((row) => row.stretches);
  const before = sum(waits.filter((one) => one.kind === "before").map(lengthOf));
  const between = sum(waits.filter((one) => one.kind === "pause").map(lengthOf));
  if (before >= NOTHING_MS) found.push({ text: "waited for a turn before the first call", ms: before });
  if (between >= NOTHING_MS) found.push({ text: "paused before trying again", ms: between });
  for (const call of calls.filter((one) => one.error === null)) {
    if (call.firstTokenMs === null) {
      found.push({ text: `${call.provider}/${call.model} answered, in one piece`, ms: call.durationMs });
      continue;
    }
    const than = usual?.firstTokenMs;
    const beside = than ? `, ${besideUsual(call.firstTokenMs, than)}` : "";
    found.push({
      text: `until the first token of ${call.provider}/${call.model}${beside}`,
      ms: call.firstTokenMs,
    });
    const writing = call.durationMs - call.firstTokenMs;
    const tokens = call.outputTokens ?? request.outputTokens;
    if (writing >= NOTHING_MS) {
      const pace = tokens > 0 ? `, ${Math.round((tokens / writing) * 1000)} a second` : "";
      found.push({ text: `to write ${plural(tokens, "token")}${pace}`, ms: writing });
    }
  }
  return found.toSorted((a, b) => b.ms - a.ms);
}

function besideUsual(ms: number, usual: number): string {
  const times = ms / usual;
  if (times >= 1.5)
    return `${times >= 10 ? Math.round(times) : Number(times.toFixed(1))} times the usual ${duration(usual)}`;
  return `about the usual ${duration(usual)}`;
}

const lengthOf = (one: Stretch) => one.to - one.from;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
