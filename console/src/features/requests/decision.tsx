import { useState } from "react";
import { type Schema, query } from "@/shared/api/client";
import { money } from "@/shared/lib/format";
import { useMay } from "@/shared/session";
import { Button } from "@/shared/ui/button";
import { Facts } from "@/shared/ui/card";
import { Loaded } from "@/shared/ui/states";
import { SimpleTable } from "@/shared/ui/simple-table";
import { type Call, type Request, callsOf } from "./timeline";

const MOST_WORDS = 4000;

/** Why it went where it went; what would be chosen for the same now, with scores. */
export function Decision({ request, attempts }: { request: Request; attempts: readonly Call[] }) {
  const can = useMay();
  const [asked, setAsked] = useState(false);
  const calls = callsOf(request, attempts);
  const tried = [...new Set(calls.map((call) => `${call.provider}/${call.model}`))];
  return (
    <section aria-label="Its decision" className="flex flex-col gap-3">
      <h3 className="text-sm font-semibold">Its decision</h3>
      <Facts
        rows={[
          ["Asked for", request.asked || "nothing by name"],
          [
            "Answered by",
            request.status === "ok" || request.status === "cancelled"
              ? `${request.provider}/${request.model}`
              : "nobody",
          ],
          tried.length > 1 && ["Tried in order", tried.join(" → ")],
          ["Because", becauseOf(request, tried)],
        ]}
      />
      {request.operation === "chat" && can("use", "read") && (
        <>
          <Button size="sm" className="self-start" aria-expanded={asked} onClick={() => setAsked(!asked)}>
            What would be chosen now?
          </Button>
          {asked && <Now request={request} />}
        </>
      )}
    </section>
  );
}

export function becauseOf(request: Request, tried: readonly string[]): string {
  const asked = request.asked;
  const got = `${request.provider}/${request.model}`;
  if (request.cached) return "the same was asked before, and the answer was kept";
  if (tried.length === 0) return "nobody could be called";
  if (asked.startsWith("auto")) {
    const strategy = asked.split(":")[1];
    const chose = strategy ? `the strategy ${strategy}` : "the gateway's strategy";
    return tried.length > 1
      ? `${chose} chose ${tried[0]}, which failed; ${tried.length > 2 ? "others" : "another"} stood in for it`
      : `${chose} chose it`;
  }
  if (tried.length > 1)
    return `${tried[0]} failed, and ${tried.length > 2 ? "others" : "another"} stood in for it`;
  if (asked === got || asked === request.model) return "it was asked for by name";
  return `“${asked}” is a name for it`;
}

/** The plan for a request of the same name and size; nothing is asked of any provider. */
function Now({ request }: { request: Request }) {
  const plan = query.useQuery("post", "/api/llm-providers/explain", {
    body: {
      model: request.asked || "auto",
      prompt: "word ".repeat(Math.max(1, Math.min(request.inputTokens, MOST_WORDS))),
    },
  });
  return (
    <Loaded of={plan} lines={4}>
      {(data) => (
        <div className="overflow-hidden rounded-md border">
          <SimpleTable
            label="What would be chosen now"
            head={["Turn", "Model", "Score", "Cost expected", "Because"]}
            figures={[2, 3]}
            rows={data.attempts.map((one, at) => ({
              id: `${at} ${one.provider}/${one.model}`,
              cells: [
                at + 1,
                `${one.provider}/${one.model}`,
                one.score === null ? "–" : one.score.toFixed(3),
                money(expected(data, one)),
                one.reason,
              ],
            }))}
          />
          {data.dropped.length > 0 && (
            <details className="border-t px-4 py-2 text-sm">
              <summary className="text-soft">{data.dropped.length} left out</summary>
              <ul className="mt-1 flex flex-col gap-0.5 text-xs text-soft">
                {data.dropped.slice(0, 40).map((one) => (
                  <li key={`${one.provider}/${one.model}`}>
                    <span className="text-ink">
                      {one.provider}/{one.model}
                    </span>
                    : {one.reason}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </div>
      )}
    </Loaded>
  );
}

function expected(plan: Schema["PlanView"], one: Schema["AttemptView"]): number | null {
  const found = plan.candidates.find((any) => any.provider === one.provider && any.model === one.model);
  return found?.expectedCost ?? null;
}
