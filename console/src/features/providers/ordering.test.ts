import { expect, it } from "vitest";
import { moved, placeAfterKey, sameOrder } from "./ordering";

it("moves one and keeps the others in their order", () => {
  expect(moved(["a", "b", "c"], 0, 2)).toEqual(["b", "c", "a"]);
  expect(moved(["a", "b", "c"], 2, 0)).toEqual(["c", "a", "b"]);
  expect(moved(["a", "b"], 1, 2)).toEqual(["a", "b"]);
});

it("moves with keys to the ends and no further", () => {
  expect(placeAfterKey("ArrowUp", 0, 3)).toBe(0);
  expect(placeAfterKey("ArrowDown", 2, 3)).toBe(2);
  expect(placeAfterKey("End", 0, 3)).toBe(2);
  expect(placeAfterKey("Tab", 0, 3)).toBeNull();
});

it("knows the same order again", () => {
  expect(sameOrder(["a", "b"], ["a", "b"])).toBe(true);
  expect(sameOrder(["a", "b"], ["b", "a"])).toBe(false);
});
