import { expect, test } from "vitest";
import { groupSeries, startsOf, stepStart } from "./series";

const at = (text: string) => Date.parse(text) / 1000;

test("steps begin where the gateway's do", () => {
  expect(stepStart(at("2026-11-21T17:45:00Z"), "hour")).toBe(at("2026-11-21T17:00:00Z"));
  expect(stepStart(at("2026-11-21T17:45:00Z"), "week")).toBe(at("2026-11-16T00:00:00Z"));
  expect(stepStart(at("2026-11-22T23:59:59Z"), "week")).toBe(at("2026-11-16T00:00:00Z"));
  expect(stepStart(at("2026-11-21T17:45:00Z"), "month")).toBe(at("2026-11-01T00:00:00Z"));
});

test("steps in which nothing happened are there too", () => {
  const report = { period: { since: "2026-09-20T00:00:00Z", until: "2026-11-21T01:00:00Z" } };
  expect(startsOf(report, "month")).toEqual(["2026-09-01", "2026-10-01", "2026-11-01"].map(at));
  expect(startsOf(report, "week")).toHaveLength(10);
});

test("groups stand on the same times, under their names", () => {
  const group = (name: string, steps: unknown[]) => ({ name, usage: {}, before: null, steps }) as never;
  const report = {
    groups: [group("u1", [{ start: "2026-11-21T00:00:00Z", cost: 2 }])],
    others: group("", []),
  };
  const times = [at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z")];
  expect(groupSeries(report, times, (one) => one.cost, { name: () => "Ann" })).toEqual([
    { label: "Ann", values: [0, 2] },
    { label: "others", values: [0, 0] },
  ]);
});
