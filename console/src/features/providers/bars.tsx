import { plural } from "@/shared/lib/format";
import type { Bar } from "./standing";

const HEIGHT = 22;
const STEP = 4;

/** Calls over the time that is looked at, those that failed at the bottom of each bar in their own colour. */
export function Bars({ bars }: { bars: readonly Bar[] }) {
  const most = Math.max(1, ...bars.map((bar) => bar.calls));
  const calls = bars.reduce((sum, bar) => sum + bar.calls, 0);
  const failed = bars.reduce((sum, bar) => sum + bar.failed, 0);
  const tall = (value: number) => (value === 0 ? 0 : Math.max(1, (value / most) * HEIGHT));
  return (
    <svg
      role="img"
      aria-label={`${plural(calls, "call")} over this time, ${failed} failed`}
      width={bars.length * STEP}
      height={HEIGHT}
      className="max-w-full"
    >
      {bars.map((bar, at) => (
        <g key={at}>
          <rect
            x={at * STEP}
            width={STEP - 1}
            y={HEIGHT - tall(bar.calls)}
            height={tall(bar.calls)}
            fill="var(--series-2)"
          />
          <rect
            x={at * STEP}
            width={STEP - 1}
            y={HEIGHT - tall(bar.failed)}
            height={tall(bar.failed)}
            fill="var(--bad)"
          />
        </g>
      ))}
      <line x1={0} x2={bars.length * STEP} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} stroke="var(--line)" />
    </svg>
  );
}
