import { expect, test } from "vitest";
import { figures, gravestFirst, whereToLook } from "./evidence";

const finding = { code: "x", provider: null, model: null, evidence: {} };

test("a finding leads to what it rests on", () => {
  expect(whereToLook({ ...finding, evidence: { budget: "bud_1" } })?.to).toBe("/budgets");
  expect(whereToLook({ ...finding, provider: "up" })).toMatchObject({
    to: "/providers",
    search: { provider: "up" },
  });
  expect(whereToLook({ ...finding, provider: "up", evidence: { error: "timeout" } })).toMatchObject({
    to: "/requests",
    search: { provider: "up", error: "timeout" },
  });
  expect(whereToLook({ ...finding, model: "a/b", evidence: { other: "a/c" } })?.search.compare).toBe(
    "a/b,a/c",
  );
  expect(whereToLook(finding)).toBeNull();
});

test("figures are told in their units", () => {
  expect(figures({ cost: 5.5, share: 0.25, p95Ms: 1500, calls: 12, budget: "bud_1", gone: null })).toEqual([
    ["Cost", "$5.50"],
    ["Share", "25%"],
    ["P95", "1.5 s"],
    ["Calls", "12"],
  ]);
});

test("the gravest comes first and equals keep their order", () => {
  const alerts = [
    { severity: "low" as const, n: 1 },
    { severity: "critical" as const, n: 2 },
    { severity: "low" as const, n: 3 },
  ];
  expect(gravestFirst(alerts).map((one) => one.n)).toEqual([2, 1, 3]);
});
