import { expect, test } from "vitest";
import { type Call, type Request, causes, ticks, waterfall } from "./timeline";

const request = (more: Partial<Request> = {}) =>
  ({
    at: "2026-11-21T10:00:00.000Z",
    status: "ok",
    error: null,
    provider: "openai",
    model: "gpt-4o",
    cached: false,
    tries: 1,
    inputTokens: 10,
    outputTokens: 100,
    firstTokenMs: 500,
    durationMs: 1500,
    ...more,
  }) as Request;
const call = (more: Partial<Call>) =>
  ({
    provider: "openai",
    model: "gpt-4o",
    at: "2026-11-21T10:00:00.000Z",
    durationMs: 1000,
    firstTokenMs: null,
    error: null,
    cancelled: false,
    outputTokens: null,
    ...more,
  }) as Call;

test("a plain request is one call, to its first token and from there", () => {
  expect(waterfall(request(), [])).toEqual([
    {
      label: "openai/gpt-4o",
      said: "1.5 s",
      bad: false,
      stretches: [
        { kind: "first", from: 0, to: 500 },
        { kind: "writing", from: 500, to: 1500 },
      ],
    },
  ]);
});

test("calls that failed and pauses between are rows of their own", () => {
  const rows = waterfall(request({ durationMs: 8200, tries: 2 }), [
    call({ provider: "groq", model: "llama", error: "overloaded", durationMs: 5000 }),
    call({ at: "2026-11-21T10:00:05.200Z", durationMs: 3000, firstTokenMs: 700 }),
  ]);
  expect(rows.map((row) => [row.label, row.said])).toEqual([
    ["groq/llama", "overloaded after 5 s"],
    ["Pause", "200 ms"],
    ["openai/gpt-4o", "3 s"],
  ]);
  expect(rows[2]!.stretches[0]).toEqual({ kind: "first", from: 5200, to: 5900 });
});

test("what took the most time is said first", () => {
  const slow = request({ durationMs: 8200, tries: 2 });
  const found = causes(slow, [
    call({ provider: "groq", model: "llama", error: "overloaded", durationMs: 5000 }),
    call({ at: "2026-11-21T10:00:05.200Z", durationMs: 3000, firstTokenMs: 700, outputTokens: 115 }),
  ]);
  expect(found.map((one) => one.text)).toEqual([
    "1 call to groq/llama failed: overloaded",
    "to write 115 tokens, 50 a second",
    "until the first token of openai/gpt-4o",
    "paused before trying again",
  ]);
});

test("a first token that came late is told beside what is usual", () => {
  const found = causes(request({ firstTokenMs: 1200 }), [], { firstTokenMs: 300, durationMs: 900 });
  expect(found[0]).toEqual({
    text: "until the first token of openai/gpt-4o, 4 times the usual 300 ms",
    ms: 1200,
  });
});

test("from the cache nobody was called", () => {
  const cached = request({ cached: true, tries: 0, durationMs: 3 });
  expect(waterfall(cached, []).map((row) => row.label)).toEqual(["Answer from the cache"]);
  expect(waterfall(request({ tries: 0, provider: null, model: null, durationMs: 4 }), [])[0]!.label).toBe(
    "Nobody was called",
  );
});

test("an axis has round times", () => {
  expect(ticks(22_000)).toEqual([0, 5000, 10_000, 15_000, 20_000]);
  expect(ticks(3)).toEqual([0, 1, 2]);
  expect(ticks(430)).toEqual([0, 100, 200, 300, 400]);
});
