import { expect, test } from "vitest";
import { type Setting, grouped, originOf, sectionOf, shown, valueOf } from "./value";

const setting = (key: string, value: unknown, origin = "default"): Setting => ({
  key,
  value,
  origin,
  changeable: true,
  needsRestart: false,
  version: null,
  updatedAt: null,
  updatedBy: null,
});

test("values are told as people say them", () => {
  expect([null, true, [], ["a", "b"], { openai: 2 }, 30].map(shown)).toEqual([
    "not set",
    "on",
    "none",
    "a, b",
    "openai: 2",
    "30",
  ]);
});

test("what is typed is of the kind that was there", () => {
  expect(valueOf("5", "balanced")).toBe("5");
  expect(valueOf("5", 3)).toBe(5);
  expect(valueOf('{"openai": 2}', {})).toEqual({ openai: 2 });
  expect(valueOf("2.5", null)).toBe(2.5);
  expect(valueOf("openai", null)).toBe("openai");
  expect(() => valueOf("many", 3)).toThrow(SyntaxError);
});

test("where a value is from is one word and where exactly", () => {
  expect(originOf("file /etc/wye.toml")).toEqual({ word: "file", said: true, detail: "/etc/wye.toml" });
  expect(originOf("environment OPENAI_MODEL").detail).toBe("OPENAI_MODEL");
  expect(originOf("default").said).toBe(false);
  expect(originOf("command line")).toEqual({ word: "command line", said: true, detail: "" });
});

test("settings stand by their sections, found by any word", () => {
  const all = [
    setting("retry.max_retries", 3, "file wye.toml"),
    setting("providers.openai.timeout", 30),
    setting("models.openai/gpt-4.1.name", "x", "file wye.toml"),
  ];
  expect(grouped(all, "", false).map(([name]) => name)).toEqual([
    "retry",
    "providers.openai",
    "models.openai/gpt-4.1",
  ]);
  expect(grouped(all, "retr 3", false)).toHaveLength(1);
  expect(grouped(all, "", true)).toHaveLength(2);
  expect(sectionOf("aliases.fast.one")).toBe("aliases");
});
