import { expect, test } from "vitest";
import { csvUrl, matches, soughtOf } from "./sought";
import type { Request } from "./timeline";

const request = {
  provider: "openai",
  model: "gpt-4o",
  user: "ann",
  tags: ["nightly"],
  status: "error",
  error: "timeout",
  durationMs: 4000,
} as unknown as Request;

test("an address that makes no sense asks for everything", () => {
  expect(soughtOf({ status: "odd", slower: "soon" })).toEqual({});
  expect(soughtOf({ status: "error", slower: "1.5" })).toEqual({ status: "error", longerThanMs: 1500 });
});

test("a request that just ended is compared with everything that is wanted", () => {
  expect(matches(request, {})).toBe(true);
  expect(matches(request, { model: "openai/gpt-4o", tag: "nightly", error: "timeout" })).toBe(true);
  expect(matches(request, { model: "gpt-4o", longerThanMs: 4000 })).toBe(false);
  expect(matches(request, { user: "bob" })).toBe(false);
  expect(matches(request, { status: "ok" })).toBe(false);
});

test("an export asks for what the page shows", () => {
  expect(csvUrl({ since: "24h", user: "ann", status: undefined, longerThanMs: 3000 })).toBe(
    "/api/usage/requests?since=24h&user=ann&longerThanMs=3000&format=csv",
  );
});
