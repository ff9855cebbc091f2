import { expect, it } from "vitest";
import { type Plan, droppedBy, judged } from "./plan";

const candidate = (model: string, score: number) => ({
  provider: "a",
  model,
  score,
  parts: { cost: score },
  expectedCost: 0.1,
  speedFrom: "tier",
});
const attempt = (model: string, reason: string) => ({ provider: "a", model, reason, score: null });
const drop = (model: string, code: string) => ({ provider: "a", model, code, reason: `it is ${code}` });

const PLAN: Plan = {
  requested: "auto",
  strategy: "balanced",
  attempts: [attempt("chosen", "scores best"), attempt("unscored", "stands in")],
  candidates: [candidate("better", 0.9), candidate("chosen", 0.5), candidate("best", 0.95)],
  dropped: [drop("x", "deprecated"), drop("y", "lacks_ability"), drop("z", "lacks_ability")],
};

it("puts those that are asked first, in their order, then the others by score", () => {
  expect(judged(PLAN).map((one) => [one.id, one.place])).toEqual([
    ["a/chosen", 1],
    ["a/unscored", 2],
    ["a/best", null],
    ["a/better", null],
  ]);
  expect(judged(PLAN)[0]).toMatchObject({ score: 0.5, reason: "scores best" });
});

it("groups what was left out by reason, the most frequent first", () => {
  expect(droppedBy(PLAN).map((group) => [group.code, group.models.length])).toEqual([
    ["lacks_ability", 2],
    ["deprecated", 1],
  ]);
});
