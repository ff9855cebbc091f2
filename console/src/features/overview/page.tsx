import { useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useRef, useState } from "react";
import { type Schema, query } from "@/shared/api/client";
import { type LiveState, useLiveRequests } from "@/shared/api/live";
import { OverTime } from "@/shared/books/over-time";
import { change, count, duration, money, percent, plural, short } from "@/shared/lib/format";
import { useLLM } from "@/shared/llm/LLMContext";
import { useParam } from "@/shared/lib/url";
import { Status } from "@/shared/ui/badge";
import { Stat, Stats } from "@/shared/ui/card";
import { Page } from "@/shared/ui/page";
import { RangePicker, useRange } from "@/shared/ui/range";
import { type Asked, Loaded, Skeleton } from "@/shared/ui/states";
import { LATEST, useInsights, useLatest } from "./asked";
import { Attention, Recommendations } from "./attention";
import { Latest } from "./latest";
import { FirstSteps } from "./first-steps";
import { ProvidersTable } from "./providers-table";
import { METRICS, type Metric, seriesOf } from "./series";

const REFRESHED_AT_MOST_EVERY_MS = 5_000;

export default function OverviewPage() {
  const range = useRange("24h");
  const telemetry = query.useQuery(
    "get",
    "/api/llm-providers/telemetry",
    { params: { query: { hours: Math.min(range.hours, 720) } } },
    { placeholderData: (before) => before, refetchInterval: 60_000 },
  );
  const report = query.useQuery(
    "get",
    "/api/usage",
    { params: { query: { by: "provider", step: range.step, compare: true, since: range.since, limit: 8 } } },
    { placeholderData: (before) => before, refetchInterval: 60_000 },
  );
  const together = useTogether(telemetry, report, useInsights(), useLatest(), {
    data: !useLLM().loading,
    error: null,
  });
  const [latest, setLatest] = useState<Schema["RequestView"][]>([]);
  const state = useFreshness((requests) => {
    setLatest((before) => [...requests.toReversed(), ...before].slice(0, LATEST));
  });
  return (
    <Page
      title="Overview"
      actions={
        <>
          <Live state={state} />
          <RangePicker value={range.name} onValue={range.setName} names={["24h", "7d", "30d"]} />
        </>
      }
    >
      {!together ? (
        <Skeleton lines={12} />
      ) : (
        <>
          <FirstSteps />
          <Attention />
          <Loaded of={telemetry} lines={4}>
            {(data) => <Figures now={data.total} before={report.data?.total.before ?? null} />}
          </Loaded>
          <div className="grid gap-4 xl:grid-cols-[minmax(0,5fr)_minmax(0,3fr)]">
            <ByProvider report={report} step={range.step} />
            <Latest fresh={latest} />
          </div>
          <Loaded of={telemetry} lines={6}>
            {(data) => <ProvidersTable told={data.providers} />}
          </Loaded>
          <Recommendations />
        </>
      )}
    </Page>
  );
}

/** Whether everything has come once: parts that come one by one would push each other around. */
function useTogether(...asked: Pick<Asked<unknown>, "data" | "error">[]): boolean {
  const [together, setTogether] = useState(false);
  if (!together && asked.every(({ data, error }) => Boolean(data) || error != null)) setTogether(true);
  // Drawing it all takes a while on a small machine, and nothing else has to wait for that.
  return useDeferredValue(together, false);
}

/** Hear of requests, and read the figures anew when there were any, but not with every one of them. */
function useFreshness(tell: (requests: Schema["RequestView"][]) => void): LiveState {
  const client = useQueryClient();
  const due = useRef(0);
  return useLiveRequests((requests) => {
    tell(requests);
    if (requests.some((one) => one.status === "error")) {
      void client.invalidateQueries({ queryKey: ["get", "/api/llm-providers/status"] });
    }
    if (Date.now() < due.current) return;
    due.current = Date.now() + REFRESHED_AT_MOST_EVERY_MS;
    setTimeout(() => {
      void client.invalidateQueries({ queryKey: ["get", "/api/llm-providers/telemetry"] });
      void client.invalidateQueries({ queryKey: ["get", "/api/usage"] });
    }, 1000);
  });
}

function Live({ state }: { state: LiveState }) {
  const told = { connecting: "Connecting", live: "Live", away: "Not live: trying again" }[state];
  return (
    <Status
      tone={state === "live" ? "good" : state === "away" ? "warn" : "neutral"}
      className="text-xs text-soft"
    >
      {told}
    </Status>
  );
}

function Figures({ now, before }: { now: Schema["MeasuredView"]; before: Schema["SumsView"] | null }) {
  const failing = (sums: Schema["SumsView"]) => (sums.requests ? sums.failures / sums.requests : null);
  const known = now.requests > 0;
  return (
    <Stats label="Requests in this time">
      <Stat
        label="Requests"
        value={count(now.requests)}
        change={change(now.requests, before?.requests)}
        note={`${plural(now.failovers, "failover")}, ${count(now.cached)} from cache`}
      />
      <Stat
        label="Tokens"
        value={short(now.totalTokens)}
        change={change(now.totalTokens, before?.totalTokens)}
        note={`${short(now.inputTokens)} in, ${short(now.outputTokens)} out`}
      />
      <Stat
        label="Cost"
        value={money(now.cost)}
        change={change(now.cost, before?.cost)}
        better="less"
        note={
          now.unknownCosts > 0
            ? `${plural(now.unknownCosts, "request")} without a price`
            : known
              ? `${money(now.cost / now.requests)} a request`
              : undefined
        }
      />
      <Stat
        label="Error rate"
        value={percent(failing(now))}
        change={before && change(failing(now), failing(before))}
        better="less"
        note={`${plural(now.failures, "request")} failed`}
      />
      <Stat label="First token, median" value={duration(now.firstTokenMs.p50)} note="half came sooner" />
      <Stat
        label="First token, 95th percentile"
        value={duration(now.firstTokenMs.p95)}
        note={`whole answers ${duration(now.durationMs.p95)}`}
      />
    </Stats>
  );
}

function ByProvider({ report, step }: { report: Asked<Schema["ReportView"]>; step: "hour" | "day" }) {
  const [chosen, setMetric] = useParam<Metric>("metric", "requests");
  const metric = chosen in METRICS ? chosen : "requests";
  const { label, stacked } = METRICS[metric];
  return (
    <OverTime
      title="Over time"
      note={`by provider, each ${step}`}
      label={`${label} by provider over time`}
      report={report}
      step={step}
      metrics={METRICS}
      metric={metric}
      onMetric={setMetric}
      series={(data, times) => seriesOf(data, times, metric)}
      kind={stacked ? "stacked" : "lines"}
      height={300}
      otherwise="Choose a longer time, or send one from the playground."
    />
  );
}
