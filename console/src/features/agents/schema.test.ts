import { describe, expect, it } from "vitest";
import { argumentsOf, readArguments, startOf } from "./schema";

const schema = {
  type: "object",
  required: ["expression", "kind", "many"],
  properties: {
    expression: { type: "string", description: "What to work out." },
    kind: { enum: ["a", "b"], type: "string" },
    many: { type: "array", items: { $ref: "#/$defs/One" } },
    zone: { anyOf: [{ type: "string", description: "Where." }, { type: "null" }], default: null },
  },
  $defs: { One: { type: "integer" } },
};

describe("a tool's arguments", () => {
  it("are told as a person reads them", () => {
    expect(argumentsOf(schema).map((one) => [one.name, one.type, one.required])).toEqual([
      ["expression", "string", true],
      ["kind", "string", true],
      ["many", "integer[]", true],
      ["zone", "string", false],
    ]);
    expect(argumentsOf(schema)[3]).toMatchObject({ about: "Where.", byDefault: null });
    expect(argumentsOf({})).toEqual([]);
  });

  it("begin with the least that fits", () => {
    expect(JSON.parse(startOf(schema))).toEqual({ expression: "", kind: "a", many: [] });
    expect(startOf({ type: "object" })).toBe("{}");
  });

  it("have to be an object", () => {
    expect(readArguments('{"a": 1}')).toEqual({ value: { a: 1 } });
    expect(readArguments("")).toEqual({ value: {} });
    expect(readArguments("[1]")).toHaveProperty("problem");
    expect(readArguments("{")).toHaveProperty("problem");
  });
});
