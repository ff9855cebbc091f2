/** What an analytics tool found: a table with units, and how it is best drawn. */
import { count, day, duration, moment, money, percent, short } from "@/shared/lib/format";

export type Cell = string | number | boolean | null;

export interface Finding {
  period: { from: string; to: string } | null;
  table: { columns: readonly { name: string; unit: string }[]; rows: readonly (readonly Cell[])[] };
  chart: { kind: "line" | "bar"; x: string; y: readonly string[]; series: string | null } | null;
  notes: readonly string[];
}

/** Read a tool's answer; `null` where it is no finding with rows. */
export function findingOf(text: string | null): Finding | null {
  if (text === null) return null;
  try {
    const told = JSON.parse(text) as Partial<Finding> | null;
    const table = told?.table;
    if (!table || !Array.isArray(table.columns) || !Array.isArray(table.rows) || table.rows.length === 0)
      return null;
    return { period: told.period ?? null, table, chart: told.chart ?? null, notes: told.notes ?? [] };
  } catch {
    return null;
  }
}

/** How a figure of a unit is written. */
export function written(cell: Cell | undefined, unit: string): string {
  if (typeof cell === "number") {
    switch (unit) {
      case "USD":
        return money(cell);
      case "ms":
        return duration(cell);
      case "%":
        return percent(cell / 100);
      case "hours":
        return `${count(cell)} h`;
      case "tokens":
        return short(cell);
      default:
        return Number.isInteger(cell) ? count(cell) : String(Number(cell.toPrecision(4)));
    }
  }
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  if (cell == null) return "–";
  if (!isTime(cell)) return cell;
  return cell.includes("T00:00:00") ? day(cell) : moment(cell);
}

export function isTime(cell: Cell | undefined): cell is string {
  return typeof cell === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(cell);
}

const MOST_LINES = 8;

export interface Lines {
  times: number[];
  series: { label: string; values: (number | null)[] }[];
  unit: string;
}

/** The lines of a chart over time: one for each value of the column that tells them apart, the largest first. */
export function linesOf({ table, chart }: Finding): Lines | null {
  if (chart?.kind !== "line") return null;
  const at = (name: string) => table.columns.findIndex((column) => column.name === name);
  const [x, y, by] = [at(chart.x), at(chart.y[0] ?? ""), chart.series === null ? -1 : at(chart.series)];
  if (x < 0 || y < 0 || !table.rows.every((row) => isTime(row[x]))) return null;
  const times = [...new Set(table.rows.map((row) => Date.parse(row[x] as string) / 1000))].toSorted(
    (a, b) => a - b,
  );
  const place = new Map(times.map((time, index) => [time, index]));
  const found = new Map<string, (number | null)[]>();
  for (const row of table.rows) {
    const label = by < 0 ? chart.y[0]! : String(row[by]);
    const values = found.get(label) ?? times.map(() => null);
    found.set(label, values);
    const value = row[y];
    values[place.get(Date.parse(row[x] as string) / 1000)!] = typeof value === "number" ? value : null;
  }
  const size = (values: (number | null)[]) => values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const series = [...found]
    .map(([label, values]) => ({ label, values }))
    .toSorted((a, b) => size(b.values) - size(a.values))
    .slice(0, MOST_LINES);
  return { times, series, unit: table.columns[y]!.unit };
}

const MOST_BARS = 12;

/** The bars of a chart: names with their figures, in the table's order. */
export function barsOf({
  table,
  chart,
}: Finding): { bars: { name: string; value: number }[]; unit: string } | null {
  if (chart?.kind !== "bar") return null;
  const x = table.columns.findIndex((column) => column.name === chart.x);
  const y = table.columns.findIndex((column) => column.name === chart.y[0]);
  if (x < 0 || y < 0) return null;
  const bars = table.rows
    .slice(0, MOST_BARS)
    .flatMap((row) => (typeof row[y] === "number" ? [{ name: written(row[x], ""), value: row[y] }] : []));
  return bars.length < 2 ? null : { bars, unit: table.columns[y]!.unit };
}
