import { expect, test } from "vitest";
import { type Budget, standing, urgentFirst } from "./pace";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const budget = (more: Partial<Budget>): Budget =>
  ({
    id: "bud_1",
    name: "Ann",
    scope: "user",
    target: "ann",
    amount: 10,
    period: "month",
    hard: true,
    spent: 4,
    left: 6,
    startsAt: "2026-11-01T00:00:00Z",
    resetsAt: "2026-12-01T00:00:00Z",
    runsOutAt: null,
    ...more,
  }) as Budget;

test("one that lasts says what it will come to", () => {
  expect(standing(budget({}), NOW)).toMatchObject({
    tone: "good",
    part: 0.4,
    text: "Lasts until 1 Dec: $5.85 at today's pace",
  });
});

test("one that will not last says when it is used up, and how early that is", () => {
  expect(standing(budget({ spent: 9, left: 1, runsOutAt: "2026-11-24T00:00:00Z" }), NOW)).toMatchObject({
    tone: "warn",
    text: "At today's pace used up 24 Nov, 7 days before it begins anew",
  });
});

test("one that is used up says whether it refuses", () => {
  expect(standing(budget({ spent: 10, left: 0 }), NOW).text).toBe(
    "Used up: requests are refused until 1 Dec",
  );
  expect(standing(budget({ spent: 12, left: 0, hard: false }), NOW)).toMatchObject({
    tone: "warn",
    part: 1.2,
  });
  expect(standing(budget({ amount: 0, spent: 0, left: 0, resetsAt: null }), NOW).text).toBe(
    "Used up: requests are refused until it is raised",
  );
});

test("what bites stands first", () => {
  const rows = [
    budget({ id: "fine" }),
    budget({ id: "soon", runsOutAt: "2026-11-24T00:00:00Z" }),
    budget({ id: "out", left: 0 }),
    budget({ id: "unused", spent: 0, left: 10 }),
  ];
  expect(urgentFirst(rows, NOW).map((one) => one.id)).toEqual(["out", "soon", "fine", "unused"]);
});
