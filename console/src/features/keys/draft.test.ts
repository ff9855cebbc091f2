import { expect, test } from "vitest";
import { EMPTY, bodyOf, draftOf, limitProblems, restrictions } from "./draft";

const NOW = Date.parse("2026-11-21T12:00:00Z");

test("what is left empty restricts nothing", () => {
  expect(bodyOf({ ...EMPTY, name: " ci " }, NOW)).toEqual({
    name: "ci",
    teamId: null,
    scopes: ["use", "read"],
    models: null,
    providers: null,
    limits: null,
    tags: [],
    expiresAt: null,
  });
});

test("what is typed becomes what the gateway takes, and back", () => {
  const body = bodyOf(
    { ...EMPTY, name: "ci", models: ["mock/*"], limits: { requestsPerMinute: " 60 " }, expires: "7" },
    NOW,
  );
  expect(body.models).toEqual(["mock/*"]);
  expect(body.limits).toEqual({ requestsPerMinute: 60 });
  expect(body.expiresAt).toBe("2026-11-28T12:00:00.000Z");
  const key = {
    ...body,
    id: "key_1",
    userId: "ann",
    expiresAt: body.expiresAt,
    limits: body.limits,
    tags: [],
  };
  expect(bodyOf(draftOf(key as never), NOW)).toEqual({ ...body, tags: [] });
});

test("a limit is a whole number", () => {
  expect(
    limitProblems({ requestsPerDay: "1.5", requestsPerMinute: "many", concurrentRequests: "4" }),
  ).toEqual({
    requestsPerDay: "A whole number, 1 or more.",
    requestsPerMinute: "A whole number, 1 or more.",
  });
});

test("restrictions are told in a few words", () => {
  expect(restrictions({ models: null, providers: null, limits: {} })).toEqual([]);
  expect(
    restrictions({ models: ["a/b", "c/d"], providers: ["openai"], limits: { requestsPerMinute: 6000 } }),
  ).toEqual(["2 models", "only openai", "6,000 req/min"]);
});
