import { money, perMillion, count } from "@/shared/lib/format";
import { useModels } from "@/shared/llm/useModels";
import { Facts } from "@/shared/ui/card";
import { SimpleTable } from "@/shared/ui/simple-table";
import type { Call, Request } from "./timeline";

/** What it cost, of what, and how sure that is. */
export function Money({ request, attempts }: { request: Request; attempts: readonly Call[] }) {
  const models = useModels();
  const price = models.data?.find(
    (one) => one.fullId === `${request.provider}/${request.model}`,
  )?.costPer1kTokens;
  const { cost, estimated, reportedCost, saved, hold } = request;
  const lines = [
    ["Input", request.inputTokens, price?.input],
    ["of it read from the provider's cache", request.cacheReadTokens, undefined],
    ["of it written to the provider's cache", request.cacheWriteTokens, undefined],
    ["Output", request.outputTokens, price?.output],
    ["of it reasoning", request.reasoningTokens, undefined],
    ["Audio", request.audioTokens, undefined],
  ] as const;
  const paid = attempts.filter((call) => call.cost !== null && call.cost > 0);
  return (
    <section aria-label="Its money" className="flex flex-col gap-3">
      <h3 className="text-sm font-semibold">Its money</h3>
      <div className="overflow-hidden rounded-md border">
        <SimpleTable
          label="Tokens and their prices"
          head={["Kind", "Tokens", "Price of a million, today"]}
          figures={[1, 2]}
          rows={lines
            .filter(([label, tokens]) => tokens > 0 || label === "Input" || label === "Output")
            .map(([label, tokens, each]) => ({
              id: label,
              cells: [
                <span key="label" className={label.startsWith("of it") ? "pl-4 text-soft" : undefined}>
                  {label}
                </span>,
                count(tokens),
                each === undefined ? "" : perMillion(each),
              ],
            }))}
        />
      </div>
      <Facts
        rows={[
          [
            "Cost",
            cost === null
              ? "unknown: there is no price for this model"
              : `${money(cost)}${estimated ? ", on an estimate of tokens" : ""}`,
          ],
          paid.length > 1 && [
            "Of it",
            paid.map((call) => `${money(call.cost)} ${call.provider}/${call.model}`).join(", "),
          ],
          reportedCost !== null && ["The provider says", money(reportedCost)],
          saved !== null && saved > 0 && ["Saved by the cache", money(saved)],
          hold !== null && ["Set aside at first", money(hold)],
          request.prices !== null && ["Prices of", request.prices],
        ]}
      />
    </section>
  );
}
