import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { money, percent, plural, words } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { Badge } from "@/shared/ui/badge";
import { type Judged, type Plan, droppedBy, judged } from "./plan";
import { labelOf } from "./strategies";

/** Pixels of a row on a wide screen: h-13. */
const ROW = 52;
const FORK = 72;
const SHOWN = 8;
const PARTS = ["cost", "speed", "quality", "reliability"] as const;
const COLOURS: Record<string, string> = {
  cost: "var(--series-3)",
  speed: "var(--series-2)",
  quality: "var(--series-4)",
  reliability: "var(--series-6)",
};

/** Where a request would go: from what was asked to who is asked first, who stands in, and who was left out and why. */
export function Picture({ plan }: { plan: Plan }) {
  const rows = judged(plan);
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, SHOWN);
  return (
    <div className="flex flex-col gap-4">
      <p className="text-sm">
        <span className="font-mono text-xs">{plan.requested}</span>
        {plan.strategy !== null && <span className="text-soft"> under “{labelOf(plan.strategy)}”</span>}
        {": "}
        {plan.attempts.length === 0 ? (
          <span className="text-bad">nobody would answer.</span>
        ) : (
          <>
            <span className="font-medium">
              {plan.attempts[0]!.provider}/{plan.attempts[0]!.model}
            </span>{" "}
            would answer
            {plan.attempts.length > 1 &&
              `, ${plural(plan.attempts.length - 1, "other")} would stand in for it`}
            .
          </>
        )}
      </p>
      {rows.length === 0 && plan.dropped.length === 0 && (
        <p className="text-sm text-soft">
          No provider that is in use has a model of this name, and it is no alias. Choose another one.
        </p>
      )}
      {rows.some((one) => one.score !== null) && <Legend />}
      <div className={cn("min-w-0", rows.length === 0 ? "hidden" : "flex")}>
        <Fork rows={shown} />
        <ol className="min-w-0 flex-1 divide-y rounded-md border" aria-label="Candidates">
          {shown.map((one) => (
            <Candidate key={one.id} one={one} />
          ))}
        </ol>
      </div>
      {rows.length > SHOWN && (
        <button
          type="button"
          aria-expanded={all}
          onClick={() => setAll(!all)}
          className="self-start text-xs text-accent hover:underline"
        >
          {all ? "Show fewer" : `Show ${rows.length - SHOWN} more`}
        </button>
      )}
      {(rows.length > 0 || plan.dropped.length > 0) && <LeftOut plan={plan} />}
    </div>
  );
}

function Legend() {
  return (
    <ul aria-label="Parts of a score" className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft">
      {PARTS.map((part) => (
        <li key={part} className="inline-flex items-center gap-1.5">
          <span aria-hidden className="h-2 w-3 rounded-sm" style={{ background: COLOURS[part] }} />
          {part}
        </li>
      ))}
      <li className="text-faint">1 is best</li>
    </ul>
  );
}

/** Lines from the request to each candidate: thick to the first, thin to those that stand in, dotted to the others. */
function Fork({ rows }: { rows: readonly Judged[] }) {
  const height = rows.length * (ROW + 1);
  const from = ROW / 2;
  return (
    <svg
      aria-hidden
      width={FORK}
      height={height}
      className="hidden shrink-0 md:block"
      viewBox={`0 0 ${FORK} ${height}`}
    >
      {rows
        .map((one, at) => ({ one, to: at * (ROW + 1) + ROW / 2 }))
        .toReversed()
        .map(({ one, to }) => (
          <path
            key={one.id}
            d={`M 10 ${from} C ${FORK * 0.7} ${from}, ${FORK * 0.25} ${to}, ${FORK} ${to}`}
            fill="none"
            stroke={one.place === 1 ? "var(--accent)" : one.place === null ? "var(--line)" : "var(--edge)"}
            strokeWidth={one.place === 1 ? 3 : 1.25}
            strokeDasharray={one.place === null ? "2 3" : undefined}
          />
        ))}
      <circle cx={8} cy={from} r={6} fill="var(--accent)" />
    </svg>
  );
}

function Candidate({ one }: { one: Judged }) {
  return (
    <li
      className={cn(
        "grid min-h-13 grid-cols-[1.75rem_minmax(0,1fr)_auto] items-center gap-x-3 px-3 py-1.5 md:h-13 md:py-0 md:grid-cols-[1.75rem_minmax(0,1fr)_minmax(9rem,14rem)_3rem_5rem]",
        one.place === 1 && "bg-accent-wash",
      )}
    >
      <span
        data-figures
        className={cn(
          "flex size-6 items-center justify-center rounded-full text-xs",
          one.place === 1
            ? "bg-accent font-semibold text-on-accent"
            : one.place === null
              ? "text-faint"
              : "bg-sunken text-soft",
        )}
      >
        {one.place ?? "–"}
        <span className="sr-only">{one.place === null ? "not asked" : ". to be asked"}</span>
      </span>
      <span className="min-w-0">
        <span className={cn("block truncate text-sm", one.place === 1 && "font-medium")}>
          <span className="text-soft">{one.provider}/</span>
          {one.model}
        </span>
        <span className="block truncate text-xs text-soft">
          {one.reason ?? "judged, but not in the chain"}
        </span>
      </span>
      <Parts one={one} />
      <span data-figures className="text-right text-sm font-medium">
        {one.score === null ? "–" : one.score.toFixed(2)}
        <span className="sr-only"> of 1</span>
      </span>
      <span data-figures className="hidden text-right text-xs text-soft md:block">
        {money(one.expectedCost)}
      </span>
    </li>
  );
}

function Parts({ one }: { one: Judged }) {
  const known = PARTS.filter((part) => one.parts[part] !== undefined);
  if (known.length === 0) return <span className="hidden text-xs text-faint md:block">not scored</span>;
  const told = known.map((part) => `${part} ${percent(one.parts[part])}`).join(", ");
  return (
    <span
      role="img"
      aria-label={told}
      title={`${told}${one.speedFrom === "observed" ? "; speed as observed" : "; speed by its tier"}`}
      className="order-last col-span-2 col-start-2 mt-1 grid grid-cols-4 gap-1 md:order-none md:col-span-1 md:col-start-auto md:mt-0"
    >
      {PARTS.map((part) => (
        <span key={part} className="h-2 overflow-hidden rounded-sm bg-sunken">
          <span
            className="block h-full"
            style={{ width: `${(one.parts[part] ?? 0) * 100}%`, background: COLOURS[part] }}
          />
        </span>
      ))}
    </span>
  );
}

function LeftOut({ plan }: { plan: Plan }) {
  const groups = droppedBy(plan);
  if (groups.length === 0) return <p className="text-sm text-soft">Nothing was left out.</p>;
  return (
    <section>
      <h3 className="mb-1 text-xs font-semibold text-soft">Left out</h3>
      <ul className="divide-y rounded-md border">
        {groups.map((group) => (
          <li key={group.code}>
            <details className="group">
              <summary className="flex list-none items-center gap-2 px-3 py-1.5 text-sm hover:bg-sunken focus-visible:-outline-offset-2">
                <ChevronRight
                  size={14}
                  aria-hidden
                  className="shrink-0 text-faint transition-transform group-open:rotate-90"
                />
                {words(group.code)}
                <Badge>{plural(group.models.length, "model")}</Badge>
              </summary>
              <ul className="pb-2 pl-9">
                {group.models.map((model) => (
                  <li key={model.id} className="pr-3 text-xs leading-5">
                    <span className="font-mono">{model.id}</span>
                    <span className="text-soft">: {model.reason}</span>
                  </li>
                ))}
              </ul>
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
}
