import { Link } from "@tanstack/react-router";
import type { Schema } from "@/shared/api/client";
import { count, duration, money, percent } from "@/shared/lib/format";
import { type Provider, useLLM } from "@/shared/llm/LLMContext";
import { Status, type Tone } from "@/shared/ui/badge";
import { Card } from "@/shared/ui/card";
import { EmptyState } from "@/shared/ui/states";
import { SimpleTable } from "@/shared/ui/simple-table";

const TONES: Record<string, Tone> = { connected: "good", degraded: "warn" };

/** Providers in use, those with trouble first. */
export function ProvidersTable({ told }: { told: Schema["TelemetryView"]["providers"] }) {
  const { providers } = useLLM();
  const ids = new Set([
    ...Object.keys(told),
    ...providers.filter((one) => one.available || one.requests > 0).map((one) => one.id),
  ]);
  const known = new Map(providers.map((one) => [one.id, one]));
  const rows = [...ids].toSorted(
    (a, b) =>
      trouble(known.get(b), told[b]) - trouble(known.get(a), told[a]) ||
      (told[b]?.requests ?? 0) - (told[a]?.requests ?? 0),
  );
  if (rows.length === 0)
    return (
      <Card>
        <EmptyState title="No provider is in use">Add a key on the page of providers.</EmptyState>
      </Card>
    );
  return (
    <Card title="By provider" flush>
      <SimpleTable
        label="Providers in this time"
        head={[
          "Provider",
          "Now",
          "Requests",
          "Failed calls",
          "Cost",
          "First token p50",
          "p95",
          "Whole answer p95",
        ]}
        figures={[2, 3, 4, 5, 6, 7]}
        rows={rows.map((id) => {
          const one = known.get(id);
          const sums = told[id];
          const failing = sums && sums.calls > 0 ? sums.failedCalls / sums.calls : null;
          return {
            id,
            cells: [
              <Link
                key="name"
                to="/providers"
                search={{ provider: id }}
                className="font-medium hover:underline"
              >
                {one?.name ?? id}
              </Link>,
              one ? (
                <Status key="now" tone={one.needs === null ? (TONES[one.status] ?? "bad") : "neutral"}>
                  {one.status.replaceAll("_", " ")}
                </Status>
              ) : (
                <span key="now" className="text-faint">
                  {providers.length > 0 ? "not configured" : "–"}
                </span>
              ),
              count(sums?.requests ?? 0),
              <span key="failing" className={failing !== null && failing >= 0.05 ? "text-bad" : undefined}>
                {percent(failing)}
              </span>,
              money(sums?.cost ?? 0),
              duration(sums?.firstTokenMs.p50),
              duration(sums?.firstTokenMs.p95),
              duration(sums?.durationMs.p95),
            ],
          };
        })}
      />
    </Card>
  );
}

function trouble(provider: Provider | undefined, sums: Schema["TelemetryProviderView"] | undefined): number {
  if (provider && provider.needs === null && !provider.available) return 2;
  const failing = sums && sums.calls > 0 ? sums.failedCalls / sums.calls : 0;
  return failing >= 0.2 || provider?.status === "degraded" ? 1 + failing : 0;
}
