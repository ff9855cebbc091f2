import { expect, test } from "vitest";
import type { Model } from "@/shared/llm/useModels";
import { type Wanted, filtered } from "./filtering";

const model = (fullId: string, more: Partial<Model> = {}) =>
  ({
    fullId,
    name: fullId,
    provider: fullId.split("/")[0],
    capabilities: ["text"],
    tags: [],
    available: true,
    openSource: false,
    contextWindow: 128_000,
    costPer1kTokens: { input: 0.001, output: 0.002 },
    ...more,
  }) as Model;
const everything: Wanted = { text: "", provider: "", capability: "", show: "all", price: "", context: "" };
const ids = (models: Model[], wanted: Partial<Wanted>) =>
  filtered(models, { ...everything, ...wanted }).map((one) => one.fullId);

test("words find a model in any order, also by what it can do", () => {
  const models = [model("up/small-fast"), model("up/large", { capabilities: ["text", "vision"] })];
  expect(ids(models, { text: "fast up" })).toEqual(["up/small-fast"]);
  expect(ids(models, { text: "VISION" })).toEqual(["up/large"]);
  expect(ids(models, { text: "small vision" })).toEqual([]);
});

test("what nobody knows meets no bound", () => {
  const models = [
    model("up/known"),
    model("up/unknown", { contextWindow: null, costPer1kTokens: { input: null, output: null } }),
  ];
  expect(ids(models, { price: "5" })).toEqual(["up/known"]);
  expect(ids(models, { context: "1000" })).toEqual(["up/known"]);
  expect(ids(models, { price: "0.5" })).toEqual([]);
  expect(ids(models, { price: "rubbish" })).toHaveLength(2);
});

test("only what can be asked, or what is open", () => {
  const models = [model("up/a", { available: false }), model("up/b"), model("at/c", { openSource: true })];
  expect(ids(models, { show: "now" })).toEqual(["up/b", "at/c"]);
  expect(ids(models, { show: "open" })).toEqual(["at/c"]);
  expect(ids(models, { provider: "up" })).toEqual(["up/a", "up/b"]);
});
