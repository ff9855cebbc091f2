import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import { useDark } from "@/shared/lib/theme";
import { cn } from "@/shared/lib/cn";
import { day } from "@/shared/lib/format";
import { CHART_HEIGHT, type ChartProps, type Series } from "./chart";

const COLOURS = 8;

/** Values over time. Pointing at it reads them; the legend switches series; a table of the same is read aloud. */
export default function TimeChart({
  label,
  times,
  series,
  format,
  kind = "lines",
  height = CHART_HEIGHT,
}: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const dark = useDark();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState<number | null>(null);
  const shown = useMemo(() => series.filter((one) => !hidden.has(one.label)), [series, hidden]);
  const data = useMemo(() => columns(times, shown, kind), [times, shown, kind]);
  const formatRef = useRef(format);
  useEffect(() => {
    formatRef.current = format;
  });
  const drawn = kind === "stacked" ? shown.toReversed() : shown;
  const names = drawn.map((one) => series.findIndex((any) => any.label === one.label)).join();

  useEffect(() => {
    const place = box.current;
    if (!place || data[0].length === 0) return undefined;
    const style = getComputedStyle(document.documentElement);
    const paint = (name: string) => style.getPropertyValue(name).trim();
    const chart = new uPlot(
      {
        width: Math.max(place.clientWidth, 120),
        height,
        legend: { show: false },
        cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
        padding: [8, 4, 0, 0],
        scales: { y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] } },
        axes: [
          {
            stroke: paint("--faint"),
            grid: { show: false },
            ticks: { show: false },
            font: `11px ${paint("--font-sans")}`,
            size: 26,
            space: 64,
            values: (_, splits) => timeLabels(splits),
          },
          {
            stroke: paint("--faint"),
            grid: { stroke: paint("--line"), width: 1 },
            ticks: { show: false },
            font: `11px ${paint("--font-sans")}`,
            size: (_, values) =>
              14 +
              6.4 *
                Math.max(
                  2, // At first there are none, whatever its types say.
                  ...((values as string[] | null) ?? []).map((text) => text.length),
                ),
            values: (_, splits) => valueLabels(splits, formatRef.current),
            ...(areWhole(data) ? { incrs: WHOLE } : {}),
            space: 36,
          },
        ],
        series: [
          {},
          ...names
            .split(",")
            .filter(Boolean)
            .map((index) => {
              const colour = paint(`--series-${(Number(index) % COLOURS) + 1}`);
              return {
                stroke: colour,
                width: kind === "stacked" ? 0 : 1.6,
                fill: kind === "stacked" ? colour : undefined,
                points: { show: false },
                paths: kind === "stacked" ? uPlot.paths.stepped?.({ align: 1 }) : undefined,
              } satisfies uPlot.Series;
            }),
        ],
        hooks: { setCursor: [(one) => setAt(one.cursor.idx ?? null)] },
      },
      data,
      place,
    );
    chart.root.setAttribute("aria-hidden", "true");
    const observer = new ResizeObserver(() =>
      chart.setSize({ width: Math.max(place.clientWidth, 120), height }),
    );
    observer.observe(place);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [data, dark, height, kind, names]);

  const moment = at === null ? null : times[Math.min(at, times.length - 1)];
  return (
    <figure aria-label={label} className="min-w-0">
      <div ref={box} className="w-full" style={{ minHeight: height }} />
      <figcaption className="flex flex-wrap items-center gap-x-3 gap-y-1 px-1 pt-1 text-xs">
        {series.map((one, index) => (
          <button
            key={one.label}
            type="button"
            aria-pressed={!hidden.has(one.label)}
            onClick={() => setHidden((before) => toggled(before, one.label))}
            className={cn(
              "inline-flex min-h-6 items-center gap-1.5 rounded-sm text-soft hover:text-ink",
              hidden.has(one.label) && "line-through opacity-60",
            )}
          >
            <span
              aria-hidden
              className="size-2 rounded-xs"
              style={{ background: `var(--series-${(index % COLOURS) + 1})` }}
            />
            {one.label}
            {at !== null && (
              <span data-figures className="text-ink">
                {format(one.values[at] ?? null)}
              </span>
            )}
          </button>
        ))}
        <span data-figures className="ml-auto text-faint">
          {moment == null
            ? ""
            : new Date(moment * 1000).toLocaleString("en-GB", {
                day: "numeric",
                month: "short",
                hour: "2-digit",
                minute: "2-digit",
              })}
        </span>
      </figcaption>
    </figure>
  );
}

/** Hours as hours, days as days; midnight says which day begins. */
function timeLabels(splits: readonly number[]): string[] {
  const daily = (splits[1] ?? 0) - (splits[0] ?? 0) >= 86_400;
  return splits.map((split) => {
    const time = new Date(split * 1000);
    return daily || (time.getHours() === 0 && time.getMinutes() === 0)
      ? day(time)
      : time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  });
}

/** Steps of an axis of what comes in wholes: half a request is none. */
const WHOLE = Array.from({ length: 14 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

function areWhole(data: readonly (readonly (number | null)[])[]): boolean {
  return data.slice(1).every((values) => values.every((value) => value === null || Number.isInteger(value)));
}

/** What stands at the lines of an axis; where two would read the same, only the first is said. */
export function valueLabels(splits: readonly number[], format: (value: number) => string): string[] {
  const labels = splits.map(format);
  return labels.map((label, at) => (label === labels[at - 1] ? "" : label));
}

function toggled(before: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const after = new Set(before);
  if (!after.delete(name)) after.add(name);
  return after;
}

/** Columns as uPlot wants them; stacked ones are sums from the bottom up, the largest drawn first. */
export function columns(
  times: readonly number[],
  series: readonly Series[],
  kind: "lines" | "stacked",
): [number[], ...(number | null)[][]] {
  if (kind === "lines") return [[...times], ...series.map((one) => [...one.values])];
  const sums = times.map(() => 0);
  const stacked = series.map((one) =>
    one.values.map((value, at) => (sums[at] = (sums[at] ?? 0) + (value ?? 0))),
  );
  // The last step has a width as well; and each area is filled down to zero, so that lower ones are drawn later.
  const end = (times.at(-1) ?? 0) + ((times[1] ?? 0) - (times[0] ?? 0));
  return [[...times, end], ...stacked.map((values) => [...values, values.at(-1) ?? null]).reverse()];
}
