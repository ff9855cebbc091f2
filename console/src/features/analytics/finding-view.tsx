import { Download } from "lucide-react";
import { useMemo, useState } from "react";
import { download } from "@/shared/lib/download";
import { day, words } from "@/shared/lib/format";
import { Button } from "@/shared/ui/button";
import { TimeChart } from "@/shared/ui/chart";
import { SimpleTable } from "@/shared/ui/simple-table";
import { type Cell, type Finding, barsOf, isTime, linesOf, written } from "./finding";

const SHOWN = 8;

/** A tool's finding as a person reads it: its chart, its table, and how to read them. */
export function FindingView({ finding, name }: { finding: Finding; name: string }) {
  const [all, setAll] = useState(false);
  const lines = useMemo(() => linesOf(finding), [finding]);
  const bars = useMemo(() => barsOf(finding), [finding]);
  const { columns, rows } = finding.table;
  const shown = all ? rows : rows.slice(0, SHOWN);
  const figures = columns.flatMap((_, at) => (rows.some((row) => typeof row[at] === "number") ? [at] : []));
  const csv = () =>
    [columns.map((one) => one.name), ...rows].map((row) => row.map(quoted).join(",")).join("\r\n");
  const by = [finding.chart?.series, finding.chart?.x].filter(Boolean).join(", by ");
  const label = by ? `${words(name)} by ${by}` : words(name);
  return (
    <figure className="min-w-0 rounded-lg border bg-panel">
      <figcaption className="flex min-h-9 flex-wrap items-center gap-x-3 px-4 pt-2 text-sm font-medium">
        {label}
        {finding.period && (
          <span className="text-xs font-normal text-faint">
            {day(finding.period.from)} to {day(finding.period.to)}
          </span>
        )}
        <Button
          size="sm"
          look="quiet"
          icon={Download}
          className="ml-auto"
          onClick={() => download(`${name}.csv`, csv(), "text/csv")}
        >
          CSV
        </Button>
      </figcaption>
      {lines && lines.times.length > 1 && (
        <div className="px-3 pt-1">
          <TimeChart
            label={`${label}, over time`}
            times={lines.times}
            series={lines.series}
            format={(value) => written(value, lines.unit)}
            kind="lines"
            height={220}
          />
        </div>
      )}
      {bars && <Bars {...bars} label={`${label}, by size`} />}
      <SimpleTable
        label={`${label}: table`}
        head={columns.map((one) => words(one.name))}
        figures={figures}
        rows={shown.map((row, at) => ({
          id: String(at),
          cells: row.map((cell, column) =>
            isTime(cell) ? (
              <time dateTime={cell}>{written(cell, "")}</time>
            ) : (
              written(cell, columns[column]!.unit)
            ),
          ),
        }))}
      />
      {(rows.length > SHOWN || finding.notes.length > 0) && (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2 text-xs text-faint">
          {finding.notes.join(". ")}
          {rows.length > SHOWN && (
            <Button size="sm" look="quiet" className="ml-auto" onClick={() => setAll(!all)}>
              {all ? "Fewer rows" : `All ${rows.length} rows`}
            </Button>
          )}
        </div>
      )}
    </figure>
  );
}

function Bars({
  bars,
  unit,
  label,
}: {
  bars: readonly { name: string; value: number }[];
  unit: string;
  label: string;
}) {
  const most = Math.max(...bars.map((bar) => Math.abs(bar.value)), Number.MIN_VALUE);
  return (
    <ul aria-label={label} className="flex flex-col gap-1 px-4 pt-2 pb-3">
      {bars.map((bar) => (
        <li
          key={bar.name}
          className="grid grid-cols-[minmax(6rem,11rem)_1fr_4.5rem] items-center gap-3 text-xs"
        >
          <span className="truncate">{bar.name}</span>
          <span aria-hidden className="h-3.5">
            <span
              className="block h-full rounded-r-sm"
              style={{ width: `${(Math.abs(bar.value) / most) * 100}%`, background: "var(--series-1)" }}
            />
          </span>
          <span data-figures className="text-right">
            {written(bar.value, unit)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function quoted(cell: Cell | undefined): string {
  const text = cell == null ? "" : String(cell);
  // A program that reads tables must not run what stands in one.
  const safe = typeof cell === "string" && /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
