import { Link } from "@tanstack/react-router";
import { KeyRound, PlugZap, Star } from "lucide-react";
import { useEffect, useState } from "react";
import type { Schema } from "@/shared/api/client";
import { count, duration, exactMoment, moment, percent, relative } from "@/shared/lib/format";
import { type Provider, useLLM } from "@/shared/llm/LLMContext";
import { useMay } from "@/shared/session";
import { useChangeSetting, useSettings } from "@/shared/settings";
import { Badge, Status, type Tone } from "@/shared/ui/badge";
import { Button } from "@/shared/ui/button";
import { Facts } from "@/shared/ui/card";
import { Code, CopyButton } from "@/shared/ui/copy";
import { Switch } from "@/shared/ui/field";
import { SimpleTable } from "@/shared/ui/simple-table";
import { failed, told as say } from "@/shared/ui/toast";
import { AddedActions } from "./added";
import { OwnKey } from "./own-key";
import type { PanelProps } from "./ProviderPanel";
import { breakerOf, groupOf } from "./standing";
import { TrialResult } from "./trial";

const KEY_TONES: Record<string, Tone> = { healthy: "good", cooling_down: "warn" };
const ERRORS = 6;

/** All that is known of a provider, and what can be done about it. */
export function ProviderDetail(props: PanelProps & { mayTry: boolean }) {
  const { provider, told, trial } = props;
  return (
    <div className="flex flex-col gap-4 px-4 pt-1 pb-4 sm:pl-9.5">
      <Actions {...props} />
      <TrialResult trial={trial} />
      <div className="grid gap-x-8 gap-y-5 xl:grid-cols-2">
        <section>
          <h4 className="mb-2 text-xs font-semibold text-soft">Now</h4>
          <Now {...props} />
        </section>
        {provider.needs !== null && provider.enabled ? (
          <SetUp provider={provider} />
        ) : (
          <section className="flex min-w-0 flex-col gap-5">
            <Keys provider={provider} />
            {told && <Errors errors={told.recentErrors} />}
          </section>
        )}
      </div>
      <Asked provider={provider} told={told} />
    </div>
  );
}

function Actions({ provider, first, ownKey, trial, onTry, mayTry }: PanelProps & { mayTry: boolean }) {
  const can = useMay();
  const { switchProvider } = useLLM();
  const settings = useSettings();
  const change = useChangeSetting();
  const [keying, setKeying] = useState(false);
  const [switching, setSwitching] = useState(false);
  const usable = provider.enabled && provider.needs === null;
  const configured =
    settings.data && [...settings.data.keys()].some((key) => key.startsWith(`providers.${provider.id}.`));
  const makeFirst = async () => {
    setSwitching(true);
    try {
      await switchProvider(provider.id);
      say(`${provider.name} goes first from now on.`);
    } catch (error) {
      failed(error);
    } finally {
      setSwitching(false);
    }
  };
  return (
    <div className="flex flex-wrap items-center gap-2">
      {mayTry && (
        <>
          <Button size="sm" icon={PlugZap} busy={trial?.busy} onClick={() => onTry(false)}>
            Test connection
          </Button>
          {usable && can("admin") && (
            <Button size="sm" disabled={trial?.busy} onClick={() => onTry(true)}>
              Test with an answer
            </Button>
          )}
        </>
      )}
      {can("admin") && usable && !first && (
        <Button size="sm" icon={Star} busy={switching} onClick={() => void makeFirst()}>
          Let it go first
        </Button>
      )}
      {can("manage") && provider.adapter !== "mock" && (
        <Button size="sm" icon={KeyRound} onClick={() => setKeying(true)}>
          {ownKey === undefined ? "Add your key" : "Change your key"}
        </Button>
      )}
      <AddedActions id={provider.id} />
      {can("admin") && configured && (
        <span className="ml-auto">
          <Switch
            label="In use"
            checked={provider.enabled}
            disabled={change.busy}
            onChecked={(on) =>
              void change.put(
                `providers.${provider.id}.enabled`,
                on,
                on ? `${provider.name} is in use again.` : `${provider.name} is asked nothing from now on.`,
              )
            }
          />
        </span>
      )}
      {keying && <OwnKey provider={provider} masked={ownKey} onClose={() => setKeying(false)} />}
    </div>
  );
}

function Now({ provider, told, ownKey }: PanelProps) {
  const breaker = provider.circuitBreaker;
  const standing = breakerOf(breaker);
  return (
    <Facts
      rows={[
        provider.reason !== null && ["State", <span key="reason">{provider.reason}</span>],
        groupOf(provider) === "used" && [
          "Breaker",
          <span key="breaker" className="inline-flex flex-wrap items-center gap-x-2">
            <Status tone={standing.tone}>{standing.word}</Status>
            {breaker.failureCount > 0 && (
              <span className="text-xs text-soft">{count(breaker.failureCount)} failures in a row</span>
            )}
            {breaker.until !== null && <Until at={breaker.until} />}
          </span>,
        ],
        provider.lastAnswerAt !== null && [
          "Last answer",
          <span key="answer" title={exactMoment(provider.lastAnswerAt)}>
            {relative(provider.lastAnswerAt)}
          </span>,
        ],
        provider.lastError !== null && [
          "Last error",
          <span key="error">
            {provider.lastError.message}{" "}
            <span className="text-xs text-faint">
              <span className="font-mono">{provider.lastError.code}</span>, {relative(provider.lastError.at)}
            </span>
          </span>,
        ],
        told !== undefined &&
          told.calls > 0 && [
            "First token",
            `${duration(told.firstTokenMs.p50)} median, ${duration(told.firstTokenMs.p95)} at p95`,
          ],
        told !== undefined && told.calls > 0 && ["Whole answer", `${duration(told.durationMs.p95)} at p95`],
        provider.defaultModel !== null && [
          "Default model",
          <span key="default" className="font-mono text-xs">
            {provider.defaultModel}
          </span>,
        ],
        [
          "Models",
          <Link
            key="models"
            to="/models"
            search={{ provider: provider.id }}
            className="text-accent hover:underline"
          >
            {count(provider.models)} known
          </Link>,
        ],
        provider.baseUrl !== null && [
          "Address",
          <span key="address" className="inline-flex max-w-full items-center gap-1">
            <span className="truncate font-mono text-xs">{provider.baseUrl}</span>
            <CopyButton text={provider.baseUrl} label="Copy the address" />
          </span>,
        ],
        ownKey !== undefined && [
          "Your key",
          <span key="own">
            <span className="font-mono text-xs">{ownKey}</span>
            <span className="ml-2 text-xs text-faint">for your requests alone</span>
          </span>,
        ],
      ]}
    />
  );
}

/** Counts down to when an open breaker lets the first call try. */
function Until({ at }: { at: number }) {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 500);
    return () => clearInterval(timer);
  }, []);
  const left = Math.ceil(at - now);
  return (
    <span data-figures className="text-xs text-soft">
      {left > 0 ? `tries again in ${left} s` : "tries again with the next request"}
    </span>
  );
}

function Keys({ provider }: { provider: Provider }) {
  if (provider.keys.length === 0) return null;
  return (
    <div>
      <h4 className="mb-1 text-xs font-semibold text-soft">Keys</h4>
      <ul className="divide-y rounded-md border bg-panel">
        {provider.keys.map((key) => (
          <li key={key.key} className="flex flex-wrap items-center gap-x-3 px-3 py-1.5 text-sm">
            <span className="font-mono text-xs">{key.key}</span>
            <Status tone={KEY_TONES[key.status] ?? "bad"}>{key.status.replaceAll("_", " ")}</Status>
            {key.inFlight > 0 && <Badge tone="accent">{key.inFlight} in flight</Badge>}
            {key.until !== null && <Until at={key.until} />}
            {key.reason !== null && <span className="basis-full text-xs text-soft">{key.reason}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Errors({ errors }: { errors: readonly Schema["FailureView"][] }) {
  return (
    <div className="min-w-0">
      <h4 className="mb-1 text-xs font-semibold text-soft">Calls that failed last</h4>
      {errors.length === 0 ? (
        <p className="text-sm text-soft">None in this time.</p>
      ) : (
        <ul className="divide-y rounded-md border bg-panel">
          {errors.slice(0, ERRORS).map((error, at) => (
            <li key={`${error.request} ${at}`}>
              <Link
                to="/requests"
                search={{ request: error.request }}
                className="flex items-center gap-x-3 px-3 py-1.25 text-xs hover:bg-sunken focus-visible:-outline-offset-2"
              >
                <span className="font-mono whitespace-nowrap text-bad">{error.error}</span>
                <span className="min-w-0 flex-1 truncate text-soft">{error.model}</span>
                <span data-figures className="whitespace-nowrap text-faint">
                  {moment(error.at)}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** What is missing before it can be asked, for everybody and for oneself. */
function SetUp({ provider }: { provider: Provider }) {
  const names = [...(provider.needs ?? "").matchAll(/\b[A-Z][A-Z0-9_]{3,}\b/g)].map((found) => found[0]);
  return (
    <section className="min-w-0">
      <h4 className="mb-2 text-xs font-semibold text-soft">How to set it up for everybody</h4>
      {names.length > 0 ? (
        <>
          <Code text={`${names[0]}=…`} label="Copy the line for .env" />
          <p className="mt-2 text-sm text-soft">
            In the environment or the file <code>.env</code>; it is taken over within seconds.
            {names.length > 1 && ` ${names.slice(1).join(" or ")} does as well.`}
          </p>
        </>
      ) : (
        <p className="text-sm text-soft">{provider.needs}.</p>
      )}
    </section>
  );
}

/** Models that were asked lately: what is held against them, and what was seen of them. */
function Asked({ provider, told }: Pick<PanelProps, "provider" | "told">) {
  const names = [
    ...new Set([
      ...Object.keys(provider.asked),
      ...Object.keys(told?.models ?? {}).map((id) =>
        id.startsWith(`${provider.id}/`) ? id : `${provider.id}/${id}`,
      ),
    ]),
  ];
  if (names.length === 0) return null;
  const rows = names
    .map((name) => {
      const bare = name.slice(provider.id.length + 1);
      return { name, bare, asked: provider.asked[name], told: told?.models[bare] ?? told?.models[name] };
    })
    .toSorted((a, b) => (b.told?.calls ?? 0) - (a.told?.calls ?? 0));
  return (
    <section className="min-w-0">
      <h4 className="mb-1 text-xs font-semibold text-soft">Models that were asked</h4>
      <div className="rounded-md border bg-panel">
        <SimpleTable
          label={`Models of ${provider.name} that were asked`}
          head={["Model", "Breaker", "Calls", "Failed", "First token p50", "p95"]}
          figures={[2, 3, 4, 5]}
          rows={rows.map((row) => ({
            id: row.name,
            cells: [
              <Link
                key="model"
                to="/models"
                search={{ model: row.name }}
                className="whitespace-nowrap hover:underline"
              >
                {row.bare}
              </Link>,
              row.asked ? (
                <span key="breaker" className="inline-flex flex-wrap items-center gap-x-2">
                  <Status tone={breakerOf(row.asked.circuitBreaker).tone}>
                    {breakerOf(row.asked.circuitBreaker).word}
                  </Status>
                  {row.asked.circuitBreaker.until !== null && <Until at={row.asked.circuitBreaker.until} />}
                  {row.asked.degraded && <Badge tone="warn">slow</Badge>}
                </span>
              ) : (
                <span key="breaker" className="text-xs whitespace-nowrap text-faint">
                  not since the start
                </span>
              ),
              count(row.told?.calls ?? row.asked?.requests),
              percent(
                row.told && row.told.calls > 0
                  ? row.told.failedCalls / row.told.calls
                  : row.asked?.successRate == null
                    ? null
                    : 1 - row.asked.successRate,
              ),
              duration(row.told?.firstTokenMs.p50 ?? row.asked?.firstTokenMs),
              duration(row.told?.firstTokenMs.p95),
            ],
          }))}
        />
      </div>
    </section>
  );
}
