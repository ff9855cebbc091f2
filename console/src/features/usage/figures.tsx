import type { Schema } from "@/shared/api/client";
import { change, count, money, percent, plural, short } from "@/shared/lib/format";
import { Stat, Stats } from "@/shared/ui/card";

type Sums = Schema["SumsView"];

const each = (sums: Sums) => (sums.requests > 0 ? sums.cost / sums.requests : null);
const failing = (sums: Sums) => (sums.requests > 0 ? sums.failures / sums.requests : null);

/** All of it together, beside the same length of time before. */
export function Figures({ total, period }: { total: Schema["GroupView"]; period: string }) {
  const { usage, before } = total;
  return (
    <Stats label={`Together, beside the ${period} before`}>
      <Stat
        label="Cost"
        value={money(usage.cost)}
        change={change(usage.cost, before?.cost)}
        better="less"
        note={before ? `${money(before.cost)} in the ${period} before` : undefined}
      />
      <Stat
        label="Requests"
        value={count(usage.requests)}
        change={change(usage.requests, before?.requests)}
        note={before ? `${count(before.requests)} before` : undefined}
      />
      <Stat
        label="Tokens"
        value={short(usage.totalTokens)}
        change={change(usage.totalTokens, before?.totalTokens)}
        note={`${short(usage.inputTokens)} in, ${short(usage.outputTokens)} out`}
      />
      <Stat
        label="Cost of a request"
        value={money(each(usage))}
        change={before && change(each(usage), each(before))}
        better="less"
        note={
          usage.unknownCosts > 0
            ? `${plural(usage.unknownCosts, "request")} without a price`
            : usage.estimatedCosts > 0
              ? `${plural(usage.estimatedCosts, "request")} estimated`
              : "the mean of all"
        }
      />
      <Stat
        label="Error rate"
        value={percent(failing(usage))}
        change={before && change(failing(usage), failing(before))}
        better="less"
        note={`${plural(usage.failures, "request")} failed`}
      />
      <Stat
        label="Saved by the cache"
        value={money(usage.saved)}
        change={change(usage.saved, before?.saved)}
        better="more"
        note={`${plural(usage.cached, "answer")} from it`}
      />
    </Stats>
  );
}
