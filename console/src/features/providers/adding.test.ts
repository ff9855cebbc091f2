import { expect, it } from "vitest";
import { draftOf, modelsOf, problemIn } from "./adding";

it("says what keeps a provider from being added", () => {
  const draft = { ...draftOf(), id: "house", baseUrl: "https://llm.example/v1" };
  expect(problemIn(draftOf())).toBe("empty");
  expect(problemIn({ ...draft, id: "My House" })).toBe("id");
  expect(problemIn({ ...draft, baseUrl: "llm.example" })).toBe("address");
  expect(problemIn(draft)).toBeNull();
});

it("reads models from lines, each once, and keeps what was known of them", () => {
  const known = { id: "a", name: null, contextWindow: 4096, maxOutputTokens: null };
  const before = {
    models: [{ ...known, inputCostPerMillion: 1, outputCostPerMillion: 2, capabilities: null }],
  };
  const read = modelsOf({ ...draftOf(), models: "a\n b, a\n\n" }, before as Parameters<typeof modelsOf>[1]);
  expect(read.map((model) => model.id)).toEqual(["a", "b"]);
  expect(read[0]?.contextWindow).toBe(4096);
});
