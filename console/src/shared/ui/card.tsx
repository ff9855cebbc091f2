import { TrendingDown, TrendingUp } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/shared/lib/cn";

/** A part of a page with a heading of its own. */
export function Card({
  title,
  note,
  actions,
  children,
  className,
  flush = false,
}: {
  title?: string;
  /** A few words beside the heading: the time it covers, how many there are. */
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
  /** The content reaches the edges: tables and charts. */
  flush?: boolean;
}) {
  return (
    <section className={cn("min-w-0 rounded-lg border bg-panel", className)}>
      {(title !== undefined || actions != null) && (
        <header className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 px-4 pt-2.5 pb-1">
          {title !== undefined && <h2 className="text-sm font-semibold">{title}</h2>}
          {note != null && <span className="text-xs text-faint">{note}</span>}
          {actions != null && <div className="ml-auto flex items-center gap-2">{actions}</div>}
        </header>
      )}
      <div className={flush ? "" : cn("px-4 pb-4", title === undefined && "pt-4")}>{children}</div>
    </section>
  );
}

/** One figure that matters, how it was before, and what it is made of. */
export function Stat({
  label,
  value,
  change,
  better,
  note,
  className,
}: {
  label: string;
  value: ReactNode;
  /** Against the time before, from `format.change`. */
  change?: { text: string; ratio: number } | null;
  /** Which way is good; neither where it is just so. */
  better?: "more" | "less";
  note?: ReactNode;
  className?: string;
}) {
  const steady = !change || Math.abs(change.ratio) < 0.005;
  const good = change && better && (better === "more") === change.ratio > 0;
  const tone = steady || !better ? "text-faint" : good ? "text-good" : "text-bad";
  const Arrow = change && change.ratio > 0 ? TrendingUp : TrendingDown;
  return (
    <div className={cn("min-w-0 px-4 py-3", className)}>
      <dt className="truncate text-xs text-soft">{label}</dt>
      <dd className="mt-0.5 flex flex-wrap items-baseline gap-x-2">
        <span data-figures className="text-[1.375rem] leading-8 font-semibold tracking-tight">
          {value}
        </span>
        {change && (
          <span data-figures className={cn("inline-flex items-center gap-0.5 text-xs", tone)}>
            {!steady && <Arrow size={12} aria-hidden />}
            {change.text}
          </span>
        )}
      </dd>
      {note != null && (
        <dd data-figures className="truncate text-xs text-faint">
          {note}
        </dd>
      )}
    </div>
  );
}

/** Figures in one row that wraps; lines between them, none around. */
export function Stats({ children, label }: { children: ReactNode; label: string }) {
  return (
    <dl
      aria-label={label}
      className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border bg-line *:bg-panel sm:grid-cols-3 xl:grid-cols-[repeat(auto-fit,minmax(9rem,1fr))]"
    >
      {children}
    </dl>
  );
}

/** Names and values under each other, for details. */
export function Facts({
  rows,
  className,
}: {
  rows: readonly (readonly [string, ReactNode] | null | false)[];
  className?: string;
}) {
  return (
    <dl className={cn("grid grid-cols-[9.5rem_1fr] gap-x-4 gap-y-1.5 text-sm", className)}>
      {rows.map(
        (row) =>
          row && (
            <div key={row[0]} className="contents">
              <dt className="text-soft">{row[0]}</dt>
              <dd data-figures className="min-w-0 break-words">
                {row[1]}
              </dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** A part of a whole, with its words beside it. `tone` is worked out from how full it is where not given. */
export function Meter({
  value,
  label,
  tone,
}: {
  value: number;
  label: string;
  tone?: "accent" | "warn" | "bad" | "good";
}) {
  const part = Math.max(0, Math.min(1, value));
  const colour = { accent: "bg-accent", warn: "bg-warn", bad: "bg-bad", good: "bg-good" }[
    tone ?? (value >= 1 ? "bad" : value >= 0.8 ? "warn" : "accent")
  ];
  return (
    <div
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(part * 100)}
      className="h-1.5 w-full overflow-hidden rounded-full bg-sunken"
    >
      <div className={cn("h-full rounded-full", colour)} style={{ width: `${part * 100}%` }} />
    </div>
  );
}
