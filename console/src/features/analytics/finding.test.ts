import { describe, expect, it } from "vitest";
import { barsOf, findingOf, linesOf, written } from "./finding";

const told = (rows: unknown[][], chart: unknown) =>
  findingOf(
    JSON.stringify({
      table: {
        columns: [
          { name: "day", unit: "" },
          { name: "provider", unit: "" },
          { name: "cost", unit: "USD" },
        ],
        rows,
      },
      chart,
    }),
  )!;
const LINE = { kind: "line", x: "day", y: ["cost"], series: "provider" };

describe("what an analytics tool found", () => {
  it("is nothing where a tool answered something else", () => {
    expect(findingOf("21 degrees")).toBeNull();
    expect(findingOf('{"table":{"columns":[],"rows":[]}}')).toBeNull();
    expect(findingOf(null)).toBeNull();
  });

  it("becomes one line for each name, the largest first, with gaps where nothing is known", () => {
    const lines = linesOf(
      told(
        [
          ["2026-11-02T00:00:00Z", "small", 1],
          ["2026-11-01T00:00:00Z", "large", 5],
          ["2026-11-02T00:00:00Z", "large", null],
        ],
        LINE,
      ),
    )!;
    expect(lines.series).toEqual([
      { label: "large", values: [5, null] },
      { label: "small", values: [null, 1] },
    ]);
    expect(lines.times[0]).toBe(Date.parse("2026-11-01T00:00:00Z") / 1000);
    expect(lines.unit).toBe("USD");
  });

  it("is no chart where the columns that it names are not there", () => {
    expect(linesOf(told([["x", "a", 1]], LINE))).toBeNull();
    expect(barsOf(told([["x", "a", 1]], { ...LINE, kind: "bar", x: "nowhere" }))).toBeNull();
  });

  it("becomes bars in the table's order", () => {
    const rows = [
      ["2026-11-01T00:00:00Z", "a", 2],
      ["2026-11-01T00:00:00Z", "b", 1],
    ];
    expect(barsOf(told(rows, { kind: "bar", x: "provider", y: ["cost"], series: null }))?.bars).toEqual([
      { name: "a", value: 2 },
      { name: "b", value: 1 },
    ]);
  });

  it("writes figures in their units", () => {
    expect(written(1.5, "USD")).toBe("$1.50");
    expect(written(12.5, "%")).toBe("12.5%");
    expect(written("2026-11-01T00:00:00Z", "")).toBe("1 Nov");
    expect(written(null, "ms")).toBe("–");
  });
});
