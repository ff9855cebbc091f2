import { useQuery } from "@tanstack/react-query";
import { Rewind } from "lucide-react";
import { type Schema, api } from "@/shared/api/client";
import { change, count, money, plural } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { useParam } from "@/shared/lib/url";
import { Button } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { SimpleTable } from "@/shared/ui/simple-table";
import { Segmented } from "@/shared/ui/tabs";
import { SCORING, labelOf } from "./strategies";

type Replayed = Schema["ReplayView"];

const SINCE = [
  { value: "24h", label: "Last day" },
  { value: "7d", label: "7 days" },
];

/** What the requests of the last day would have cost under each strategy; nothing is asked. */
export function Replay() {
  const [since, setSince] = useParam("since", "24h");
  const [run, setRun] = useParam("replay", "");
  const [open, setOpen] = useParam("under", "cost");
  const replayed = useQuery({
    queryKey: ["replay", since],
    enabled: run === "yes",
    staleTime: 60_000,
    queryFn: async (): Promise<Replayed[]> =>
      Promise.all(
        SCORING.map(async ({ value: strategy }) => {
          const { data } = await api.POST("/api/llm-providers/replay", { body: { strategy, since } });
          return data!;
        }),
      ),
  });
  return (
    <Card
      title="What if?"
      note="past requests under other strategies"
      flush
      actions={
        <>
          <Segmented label="Which requests" value={since} onValue={setSince} options={SINCE} />
          {run !== "yes" && (
            <Button icon={Rewind} onClick={() => setRun("yes")}>
              Replay
            </Button>
          )}
        </>
      }
    >
      {run !== "yes" ? (
        <EmptyState icon={Rewind} title="Replay what was asked" className="py-6">
          The latest requests, up to 1,000, are planned again under each strategy, at today's prices. Nothing
          is asked of any provider.
        </EmptyState>
      ) : (
        <Loaded of={replayed} lines={6}>
          {(all) => (all[0]?.requests ? <Outcome all={all} open={open} onOpen={setOpen} /> : <Nothing />)}
        </Loaded>
      )}
    </Card>
  );
}

function Nothing() {
  return (
    <EmptyState title="No request was answered in this time" className="py-6">
      Choose a longer time, or ask something in the playground.
    </EmptyState>
  );
}

function Outcome({
  all,
  open,
  onOpen,
}: {
  all: readonly Replayed[];
  open: string;
  onOpen: (strategy: string) => void;
}) {
  const was = all[0]!.wasCost;
  const most = Math.max(was, ...all.map((one) => one.nowCost), Number.MIN_VALUE);
  const chosen = all.find((one) => one.strategy === open) ?? all[0]!;
  return (
    <div className="grid gap-x-6 gap-y-4 pt-1 pb-3 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <div className="px-2">
        <div className="grid grid-cols-[6.5rem_minmax(0,1fr)_4.5rem_3.5rem] items-center gap-x-3 px-2 py-1.5 text-sm">
          <span className="font-medium">As it was</span>
          <Cost value={was / most} tone="bg-edge" />
          <span data-figures className="text-right">
            {money(was)}
          </span>
        </div>
        <ul aria-label="Strategies">
          {all.map((one) => {
            const differs = change(one.nowCost, one.wasCost);
            return (
              <li key={one.strategy}>
                <button
                  type="button"
                  aria-pressed={one.strategy === chosen.strategy}
                  onClick={() => onOpen(one.strategy)}
                  className={cn(
                    "grid w-full grid-cols-[6.5rem_minmax(0,1fr)_4.5rem_3.5rem] items-center gap-x-3 rounded-sm px-2 py-1.25 text-left text-sm hover:bg-sunken",
                    one.strategy === chosen.strategy && "bg-accent-wash",
                  )}
                >
                  <span className="truncate">{labelOf(one.strategy)}</span>
                  <Cost value={one.nowCost / most} tone="bg-accent" />
                  <span data-figures className="text-right">
                    {money(one.nowCost)}
                  </span>
                  <span
                    data-figures
                    className={cn(
                      "text-right text-xs",
                      differs &&
                        (differs.ratio < 0 ? "text-good" : differs.ratio > 0 ? "text-bad" : "text-faint"),
                    )}
                  >
                    {differs?.text ?? "–"}
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
      </div>
      <section aria-label={`Under ${labelOf(chosen.strategy)}`} className="min-w-0 lg:border-l">
        <p className="px-4 pb-1 text-sm">
          <span className="font-medium">{labelOf(chosen.strategy)}</span>
          <span className="text-soft">
            {`: ${plural(chosen.requests, "request")}, ${chosen.unanswered === 0 ? "all answered" : `${count(chosen.unanswered)} without an answer`}`}
          </span>
        </p>
        <SimpleTable
          label="Who would have answered"
          head={["Would have answered", "Requests", "Cost"]}
          figures={[1, 2]}
          rows={chosen.models.map((model) => ({
            id: model.model,
            cells: [
              <span key="model" className="font-mono text-xs break-all">
                {model.model}
              </span>,
              count(model.requests),
              money(model.cost),
            ],
          }))}
        />
      </section>
    </div>
  );
}

function Cost({ value, tone }: { value: number; tone: string }) {
  return (
    <span aria-hidden className="h-2.5 overflow-hidden rounded-sm bg-sunken">
      <span className={cn("block h-full", tone)} style={{ width: `${Math.min(1, value) * 100}%` }} />
    </span>
  );
}
