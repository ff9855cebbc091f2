import { Suspense, lazy } from "react";

export interface Series {
  label: string;
  /** One value for each time; null leaves a gap. */
  values: readonly (number | null)[];
}

export interface ChartProps {
  /** What is shown, for who cannot see it. */
  label: string;
  /** Seconds since the epoch, rising. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number | null) => string;
  kind?: "lines" | "stacked";
  height?: number;
}

export const CHART_HEIGHT = 200;

// What draws is as large as everything else of a page together: it comes after the figures, not before them.
const Drawn = lazy(() => import("./time-chart"));

/** Values over time. Pointing at it reads them; the legend switches series; a table of the same is read aloud. */
export function TimeChart(props: ChartProps) {
  return (
    <Suspense fallback={<div style={{ height: (props.height ?? CHART_HEIGHT) + 28 }} />}>
      <Drawn {...props} />
    </Suspense>
  );
}

/** A line without axes, as large as a word. */
export function Sparkline({
  values,
  label,
  width = 96,
  height = 24,
}: {
  values: readonly number[];
  label: string;
  width?: number;
  height?: number;
}) {
  const top = Math.max(...values, 1e-12);
  const points = values.map(
    (value, at) =>
      `${(at / Math.max(values.length - 1, 1)) * width},${height - 2 - (value / top) * (height - 4)}`,
  );
  return (
    <svg
      role="img"
      aria-label={label}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      className="text-accent"
    >
      <polyline
        points={points.join(" ")}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinejoin="round"
      />
    </svg>
  );
}
