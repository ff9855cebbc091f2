import { describe, expect, it } from "vitest";
import { SAMPLE, asCurl, firstOf } from "./lines";

describe("firstOf", () => {
  it("reads what the first line asks for", () => {
    expect(firstOf(SAMPLE)).toEqual({ endpoint: "/v1/chat/completions" });
    expect(firstOf('\uFEFF\n\n{"url": "/v1/embeddings"}\nnonsense')).toEqual({ endpoint: "/v1/embeddings" });
  });

  it.each([
    ["", "empty"],
    ["custom_id,prompt\n1,Hi", "not JSON"],
    ['{"messages": []}', "no “url”"],
    ['{"url": "/v1/images/generations"}', "no “url”"],
    ["[]", "no “url”"],
  ])("says what is wrong with %j", (text, says) => {
    expect(firstOf(text)).toMatchObject({ problem: expect.stringContaining(says) as string });
  });
});

describe("SAMPLE", () => {
  it("has a request in each line, each with an id of its own", () => {
    const ids = SAMPLE.trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { custom_id: string }).custom_id);
    expect(new Set(ids).size).toBe(2);
    expect(asCurl("http://here")).toContain("http://here/v1/batches");
  });
});
