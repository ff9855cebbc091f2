import { expect, test } from "vitest";
import { bodyOf, draftOf, problemIn } from "./own";

const draft = { ...draftOf(), name: "mine", modelId: "m", baseUrl: "https://llm.example/v1" };

test("a key that was not typed is not touched", () => {
  expect(bodyOf(draft)).not.toHaveProperty("apiKey");
  expect(bodyOf({ ...draft, apiKey: "sk-1" }).apiKey).toBe("sk-1");
});

test("an address is for servers of one's own", () => {
  expect(bodyOf({ ...draft, provider: "up" })).not.toHaveProperty("baseUrl");
  expect(problemIn({ ...draft, baseUrl: "llm.example" })).toBe("address");
  expect(problemIn({ ...draft, provider: "up", baseUrl: "" })).toBeNull();
});

test("figures that were not typed are unknown, not zero", () => {
  expect(bodyOf({ ...draft, inputCost: "0", outputCost: "" }).config).toMatchObject({
    inputCostPerMillion: 0,
    outputCostPerMillion: null,
  });
});

test("a name has neither / nor :", () => {
  expect(problemIn({ ...draft, name: "a/b" })).toBe("name");
  expect(problemIn(draft)).toBeNull();
});
