import { expect, test } from "vitest";
import { drilled, exportUrl, share, stepsFor } from "./drill";

test("a time is cut into steps of which there are some, but not thousands", () => {
  expect(stepsFor(24)).toEqual(["hour", "day"]);
  expect(stepsFor(720)).toEqual(["hour", "day", "week", "month"]);
  expect(stepsFor(2160)).toEqual(["day", "week", "month"]);
});

test("looking into a group shows what it is made of", () => {
  expect(drilled({}, "model", "openai/gpt-4o")).toMatchObject({ model: "openai/gpt-4o", by: "user" });
  expect(drilled({ user: "ann" }, "model", "openai/gpt-4o")).toMatchObject({ user: "ann", by: "key" });
  expect(drilled({ model: "openai/gpt-4o" }, "user", "ann").by).toBe("key");
  expect(drilled({}, "tag", "nightly")).toMatchObject({ tag: "nightly", by: "model" });
});

test("the export has the same filters as the page", () => {
  expect(exportUrl({ since: "30d", user: "ann", tag: undefined }, "model", "day")).toBe(
    "/api/usage?since=30d&user=ann&by=model&step=day&format=csv",
  );
});

test("of nothing there is no share", () => {
  expect(share(1, 4)).toBe(0.25);
  expect(share(0, 0)).toBe(0);
});
