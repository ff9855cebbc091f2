import { expect, test } from "vitest";
import { best, differing } from "./comparing";

test("the best stands out, with its equals, and only where there is something to choose", () => {
  expect([...best([3, 1, 1, null], "least")]).toEqual([1, 2]);
  expect([...best([3, 1, null], "most")]).toEqual([0]);
  expect(best([2, 2], "most").size).toBe(0);
  expect(best([null, 2], "most").size).toBe(0);
});

test("what tells lists apart is told apart", () => {
  expect(differing([["text", "vision"], ["text"]])).toEqual({ shared: ["text"], telling: ["vision"] });
});
