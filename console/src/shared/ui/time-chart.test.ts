import { expect, test } from "vitest";
import { columns, valueLabels } from "./time-chart";

const series = [
  { label: "a", values: [1, 2] },
  { label: "b", values: [10, null] },
];

test("stacked values are sums, the highest drawn first, and the last step has a width", () => {
  expect(columns([100, 200], series, "stacked")).toEqual([
    [100, 200, 300],
    [11, 2, 2],
    [1, 2, 2],
  ]);
});

test("lines keep their gaps", () => {
  expect(columns([100, 200], series, "lines")).toEqual([
    [100, 200],
    [1, 2],
    [10, null],
  ]);
});

test("an axis says nothing twice", () => {
  expect(valueLabels([0, 0.2, 0.4, 0.6, 0.8, 1], (value) => value.toFixed(0))).toEqual([
    "0",
    "",
    "",
    "1",
    "",
    "",
  ]);
});
