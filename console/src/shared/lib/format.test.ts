import { expect, test } from "vitest";
import * as format from "./format";

test.each([
  [null, "–"],
  [0, "$0"],
  [0.0000001, "<$0.000001"],
  [0.000014, "$0.000014"],
  [0.00042, "$0.00042"],
  [0.0081, "$0.0081"],
  [0.0123, "$0.012"],
  [0.5, "$0.500"],
  [1, "$1.00"],
  [1234.5, "$1,234.50"],
  [12_345, "$12.3K"],
])("%s USD is %s", (usd, text) => expect(format.money(usd)).toBe(text));

test.each([
  [null, "–"],
  [0, "free"],
  [0.00015, "$0.15"],
  [0.0025, "$2.50"],
  [0.00005, "$0.05"],
])("%s USD per 1,000 tokens is %s per million", (price, text) => expect(format.perMillion(price)).toBe(text));

test.each([
  [null, "–"],
  [0.4, "<1 ms"],
  [840.4, "840 ms"],
  [1416, "1.42 s"],
  [60_000, "1 min"],
  [190_000, "3 min 10 s"],
])("%s ms is %s", (ms, text) => expect(format.duration(ms)).toBe(text));

test.each([
  [null, "–"],
  [512, "512"],
  [8192, "8K"],
  [128_000, "128K"],
  [200_000, "200K"],
  [1_048_576, "1M"],
  [2_000_000, "2M"],
])("a context of %s tokens is %s", (tokens, text) => expect(format.tokens(tokens)).toBe(text));

test("a change tells its direction, and there is none against nothing", () => {
  expect(format.change(112.5, 100)?.text).toBe("+12.5%");
  expect(format.change(50, 100)?.text).toBe("−50%");
  expect(format.change(301, 100)?.text).toBe("+201%");
  expect(format.change(5, 0)).toBeNull();
  expect(format.change(null, 3)).toBeNull();
});

test("names are told as words", () => {
  expect(format.words("function-calling")).toBe("Function calling");
  expect(format.words("json_mode")).toBe("JSON mode");
});

test("times are told from now", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  expect(format.relative("2026-11-21T11:59:58Z", now)).toBe("now");
  expect(format.relative("2026-11-21T11:57:00Z", now)).toBe("3 min ago");
  expect(format.relative(now / 1000 + 7200, now)).toBe("in 2 hr");
  expect(format.relative(null, now)).toBe("–");
});
