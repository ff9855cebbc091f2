import { expect, test } from "vitest";
import { differences, summary } from "./differences";

test("only what is different is told, money as money", () => {
  const before = { id: "bud_1", amount: 5e12, warn_at: [0.8], updated_at: 1 };
  const after = { id: "bud_1", amount: 7.5e12, warn_at: [0.5, 0.8], updated_at: 2 };
  expect(differences(before, after)).toEqual([
    { field: "amount", before: "$5.00", after: "$7.50" },
    { field: "warn at", before: "0.8", after: "0.5, 0.8" },
  ]);
  expect(summary(before, after)).toBe("amount, warn at");
});

test("what is new has nothing before it, and a plain value is a value", () => {
  expect(differences(null, { name: "Ann", team_id: null })).toEqual([
    { field: "name", before: null, after: "Ann" },
  ]);
  expect(summary(null, { id: "t1", name: "Red", amount: 5e12, period: "week" })).toBe(
    "amount $5.00, period week",
  );
  expect(summary(120, 60)).toBe("value: 120 → 60");
  expect(summary(["a/b"], null)).toBe("value: a/b → none");
});
