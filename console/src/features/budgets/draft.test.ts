import { expect, test } from "vitest";
import { bodyOf, draftOf, problems } from "./draft";

test("a link may say whose budget it is to be, and a model's id may hold anything", () => {
  expect(draftOf(undefined, "user:ann")).toMatchObject({ scope: "user", target: "ann" });
  expect(draftOf(undefined, "model:bedrock/a:0")).toMatchObject({ scope: "model", target: "bedrock/a:0" });
  expect(draftOf(undefined, "nonsense:x")).toMatchObject({ scope: "global", target: "" });
});

test("what is typed becomes what the gateway takes", () => {
  const draft = { ...draftOf(undefined, "team:red"), amount: "12.5", warnAt: "50, 80%", name: " Red " };
  expect(bodyOf(draft)).toEqual({
    scope: "team",
    target: "red",
    amount: 12.5,
    period: "month",
    name: "Red",
    hard: true,
    warnAt: [0.5, 0.8],
  });
});

test("what makes no sense is said beside it", () => {
  expect(problems({ ...draftOf(), amount: "much", warnAt: "120" })).toEqual({
    amount: "A number from 0 to 1,000,000.",
    warnAt: "Numbers from 1 to 100.",
  });
  expect(problems({ ...draftOf(), amount: "0", warnAt: "" })).toEqual({});
});
