import { duration } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { type Call, type Request, type Stretch, ticks, waterfall } from "./timeline";

const LOOKS: Record<Stretch["kind"], { bar: string; label: string }> = {
  before: { bar: "bg-edge/50", label: "waiting" },
  pause: { bar: "bg-edge/50", label: "waiting" },
  after: { bar: "bg-edge/50", label: "waiting" },
  failed: { bar: "bg-bad", label: "failed" },
  first: { bar: "bg-accent/45", label: "until the first token" },
  writing: { bar: "bg-accent", label: "writing" },
  whole: { bar: "bg-accent", label: "answering" },
};

/** Calls under each other on one line of time. */
export function Waterfall({ request, attempts }: { request: Request; attempts: readonly Call[] }) {
  const rows = waterfall(request, attempts);
  const whole = Math.max(request.durationMs, ...rows.flatMap((row) => row.stretches.map((one) => one.to)), 1);
  const kinds = [...new Set(rows.flatMap((row) => row.stretches.map((one) => LOOKS[one.kind])))];
  const legend = [...new Map(kinds.map((one) => [one.label, one])).values()];
  const part = (ms: number) => `${(ms / whole) * 100}%`;
  return (
    <figure aria-label="The calls of this request over time" className="rounded-md border">
      <ol className="flex flex-col px-3 pt-2">
        {rows.map((row, at) => (
          <li key={at} className="grid grid-cols-1 items-center gap-x-3 py-1 sm:grid-cols-[12rem_1fr]">
            <span className="flex min-w-0 items-baseline justify-between gap-2 text-xs sm:block">
              <span className={cn("block truncate", row.bad ? "text-bad" : "text-ink")}>{row.label}</span>
              <span data-figures className={cn("block truncate", row.bad ? "text-bad" : "text-faint")}>
                {row.said}
              </span>
            </span>
            <span className="relative mt-1 block h-5 rounded-xs bg-sunken sm:mt-0" aria-hidden>
              {row.stretches.map((one) => (
                <span
                  key={one.from}
                  title={`${LOOKS[one.kind].label}: ${duration(one.to - one.from)}`}
                  className={cn(
                    "absolute inset-y-0 min-w-0.5 first:rounded-l-xs last:rounded-r-xs",
                    LOOKS[one.kind].bar,
                  )}
                  style={{ left: part(one.from), width: part(one.to - one.from) }}
                />
              ))}
            </span>
          </li>
        ))}
      </ol>
      <div aria-hidden className="px-3 pb-1 sm:pl-[13.5rem]">
        <div className="relative h-5 text-2xs text-faint" data-figures>
          {ticks(whole).map((tick) => (
            <span
              key={tick}
              className={cn("absolute top-0.5", tick > 0 && "-translate-x-1/2")}
              style={{ left: part(tick) }}
            >
              {tick === 0 ? "0" : duration(tick)}
            </span>
          ))}
        </div>
      </div>
      <figcaption className="flex flex-wrap gap-x-4 gap-y-1 border-t px-3 py-1.5 text-xs text-soft">
        {legend.map((one) => (
          <span key={one.label} className="inline-flex items-center gap-1.5">
            <span aria-hidden className={cn("size-2 rounded-xs", one.bar)} />
            {one.label}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
