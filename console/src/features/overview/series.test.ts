import { expect, test } from "vitest";
import { startsOf } from "@/shared/books/series";
import { seriesOf } from "./series";

const period = { since: "2026-11-20T22:00:00Z", until: "2026-11-21T01:00:00Z" };
const step = (start: string, requests: number) =>
  ({ start, requests, averageFirstTokenMs: requests * 100 }) as never;
const group = (name: string, steps: never[]) => ({ name, usage: {} as never, before: null, steps });

test("groups stand on the same times", () => {
  const report = { groups: [group("up", [step("2026-11-20T23:00:00Z", 4)])], others: group("", []) };
  const times = startsOf({ period }, "hour");
  expect(seriesOf(report, times, "requests")).toEqual([
    { label: "up", values: [0, 4, 0] },
    { label: "others", values: [0, 0, 0] },
  ]);
  expect(seriesOf(report, times, "firstToken")[0]?.values).toEqual([null, 400, null]);
});
