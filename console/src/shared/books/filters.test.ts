import { expect, test } from "vitest";
import { filtersOf, withFilter } from "./filters";

test("only what the books can be cut by is a filter", () => {
  expect(filtersOf({ user: "ann", range: "7d", tag: undefined, model: "" })).toEqual({ user: "ann" });
});

test("a tag and a conversation are never asked for together", () => {
  expect(withFilter({ tag: "nightly", user: "ann" }, "conversation", "con_1")).toEqual({
    conversation: "con_1",
    tag: undefined,
    user: "ann",
  });
  expect(withFilter({ conversation: "con_1" }, "tag", "nightly")).toEqual({
    conversation: undefined,
    tag: "nightly",
  });
  expect(withFilter({ tag: "nightly" }, "tag", undefined)).toEqual({ tag: undefined });
});
