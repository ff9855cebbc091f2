import { describe, expect, it } from "vitest";
import { type Asking, askingOf, bodyOf, changed, searchOf } from "./asking";
import { bestOf, laneNames } from "./lanes";
import { asCurl, asPython } from "./snippets";
import { begun } from "@/shared/chat/answer";

const plain = askingOf({});
const full: Asking = {
  model: "openai/gpt-4o",
  agent: "",
  tools: [],
  instructions: "Be brief.",
  temperature: 0,
  topP: 0.5,
  maxTokens: 100,
  effort: "low",
  seed: 7,
  maxCost: 0.5,
};

describe("how a model is asked", () => {
  it("comes back from the address as it went there", () => {
    expect(askingOf(searchOf(full))).toEqual(full);
    expect(Object.values(searchOf(plain)).filter(Boolean)).toEqual([]);
  });

  it("says nothing in a body of what was left to the model", () => {
    expect(bodyOf(plain)).toEqual({ model: "auto" });
    expect(bodyOf(full)).toMatchObject({
      tools: [],
      maxCostUsd: 0.5,
      options: { temperature: 0, topP: 0.5, maxTokens: 100, reasoningEffort: "low", seed: 7 },
    });
    expect(changed(plain)).toBe(0);
  });

  it("takes no word of an address for a number", () => {
    expect(askingOf({ temperature: "warm", maxTokens: "" })).toMatchObject({
      temperature: null,
      maxTokens: null,
    });
  });
});

describe("a question for a program", () => {
  it("survives quotes in a shell", () => {
    const curl = asCurl(plain, "it's", "http://gate");
    expect(curl).toContain(String.raw`it'\''s`);
    expect(curl).toContain("http://gate/v1/chat/completions");
  });

  it("goes to the gateway's own chat where it runs tools", () => {
    expect(asPython({ ...plain, tools: ["calculator"] }, "2 + 2", "http://gate")).toContain(
      '"http://gate/api/chat/message"',
    );
    expect(asPython(full, "x", "http://gate")).not.toContain("chat.completions");
    expect(asPython({ ...full, tools: null }, "x", "http://gate")).toContain("temperature=0,");
  });
});

describe("models side by side", () => {
  const done = (ms: number, cost: number) => ({
    ...begun(0),
    state: "done" as const,
    firstMs: ms / 2,
    totalMs: ms,
    took: {
      model: "m",
      provider: "p",
      finishReason: "stop",
      usage: { inputTokens: 1, outputTokens: 10 },
      cost,
      attempts: 1,
      requestId: "",
    },
  });

  it("begins with the chosen model beside those of providers that can be asked", () => {
    const providers = [
      { id: "a", available: false, defaultModel: "m1" },
      { id: "b", available: true, defaultModel: "m2" },
    ];
    expect(laneNames("", "x/y", providers)).toEqual(["x/y", "b/m2"]);
    expect(laneNames("1,2,3,4,5", "auto", providers)).toEqual(["1", "2", "3", "4"]);
  });

  it("tells who was first, fastest and cheapest, once all have ended", () => {
    const best = bestOf([done(100, 0.2), done(200, 0.1)]).map((names) => [...names]);
    expect(best).toEqual([["first", "total", "speed"], ["cost"]]);
    expect(bestOf([done(100, 0.2), begun(0)]).map((names) => names.size)).toEqual([0, 0]);
  });
});
