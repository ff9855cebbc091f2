import { Link } from "@tanstack/react-router";
import { CircleCheck, Lightbulb, OctagonAlert, TriangleAlert } from "lucide-react";
import { useState } from "react";
import type { Schema } from "@/shared/api/client";
import { money, relative } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { useLLM } from "@/shared/llm/LLMContext";
import { Badge } from "@/shared/ui/badge";
import { Button } from "@/shared/ui/button";
import { Card, Facts } from "@/shared/ui/card";
import { ErrorState } from "@/shared/ui/states";
import { useInsights } from "./asked";
import { figures, gravestFirst, whereToLook } from "./evidence";

const SHOWN = 3;

/** What is wrong now, the gravest first; one quiet line where nothing is. */
export function Attention() {
  const { data, error, refetch } = useInsights();
  const { providers } = useLLM();
  const [all, setAll] = useState(false);
  if (error != null && !data)
    return (
      <Card>
        <ErrorState error={error} retry={() => void refetch()} className="py-4" />
      </Card>
    );
  if (!data) return <div aria-hidden className="h-11 animate-wait rounded-lg border bg-panel" />;
  const alerts = gravestFirst(data.alerts);
  const down = providers.filter((one) => one.status === "unavailable");
  if (alerts.length === 0 && down.length === 0) {
    return (
      <p className="flex items-center gap-2 rounded-lg border bg-panel px-4 py-2.5 text-sm text-soft">
        <CircleCheck size={16} aria-hidden className="text-good" />
        Nothing needs your attention.
      </p>
    );
  }
  return (
    <section aria-label="Needs attention" className="overflow-hidden rounded-lg border bg-panel">
      <ul className="divide-y">
        {down.map((one) => (
          <li
            key={one.id}
            className="flex flex-wrap items-center gap-x-3 gap-y-1 border-l-3 border-l-bad px-4 py-2.5"
          >
            <OctagonAlert size={16} aria-hidden className="shrink-0 text-bad" />
            <p className="min-w-0 flex-1 basis-60 text-sm">
              <span className="font-medium">{one.name} answers nothing</span>
              {one.reason !== null && <span className="text-soft">: {one.reason}</span>}
            </p>
            <Link
              to="/providers"
              search={{ provider: one.id }}
              className="text-sm text-accent hover:underline"
            >
              See the provider
            </Link>
          </li>
        ))}
        {(all ? alerts : alerts.slice(0, SHOWN)).map((alert) => (
          <AlertRow key={`${alert.code} ${alert.message}`} alert={alert} />
        ))}
      </ul>
      {alerts.length > SHOWN && (
        <button
          type="button"
          onClick={() => setAll(!all)}
          aria-expanded={all}
          className="w-full border-t px-4 py-2 text-left text-xs text-soft hover:bg-sunken"
        >
          {all ? "Show fewer" : `Show ${alerts.length - SHOWN} more`}
        </button>
      )}
    </section>
  );
}

function AlertRow({ alert }: { alert: Schema["AlertView"] }) {
  const [open, setOpen] = useState(false);
  const grave = alert.severity === "critical" || alert.severity === "high";
  const Icon = grave ? OctagonAlert : TriangleAlert;
  const look = whereToLook(alert);
  return (
    <li className={cn("border-l-3 px-4 py-2.5", grave ? "border-l-bad" : "border-l-warn")}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Icon size={16} aria-hidden className={cn("shrink-0", grave ? "text-bad" : "text-warn")} />
        <p className="min-w-0 flex-1 basis-60 text-sm">
          {sentence(alert.message)}
          <span className="ml-2 text-xs whitespace-nowrap text-faint">since {relative(alert.since)}</span>
        </p>
        <Badge tone={grave ? "bad" : "warn"}>{alert.severity}</Badge>
        <Button look="quiet" size="sm" aria-expanded={open} onClick={() => setOpen(!open)}>
          Evidence
        </Button>
        {look && (
          <Link
            to={look.to}
            search={look.search}
            className="text-sm whitespace-nowrap text-accent hover:underline"
          >
            {look.label}
          </Link>
        )}
      </div>
      {open && <Facts className="mt-2 max-w-md pl-7" rows={figures(alert.evidence)} />}
    </li>
  );
}

/** What could be better, with what it would save. */
export function Recommendations() {
  const { data } = useInsights();
  if (!data || data.recommendations.length === 0) return null;
  return (
    <Card title="Recommendations" note="from what the books say of the last weeks" flush>
      <ul className="divide-y">
        {data.recommendations.map((advice) => {
          const look = whereToLook(advice);
          return (
            <li key={advice.message} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5">
              <Lightbulb size={16} aria-hidden className="shrink-0 text-accent" />
              <p className="min-w-0 flex-1 basis-60 text-sm">{sentence(advice.message)}</p>
              {advice.saves !== null && <Badge tone="good">saves {money(advice.saves)} in 30 days</Badge>}
              {look && (
                <Link to={look.to} search={look.search} className="text-sm text-accent hover:underline">
                  {look.label}
                </Link>
              )}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
