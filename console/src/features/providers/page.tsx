import { useQueryClient } from "@tanstack/react-query";
import { Plus, SearchX } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { query } from "@/shared/api/client";
import { useLiveRequests } from "@/shared/api/live";
import { plural } from "@/shared/lib/format";
import { useParam } from "@/shared/lib/url";
import type { Provider } from "@/shared/llm/LLMContext";
import { useMay } from "@/shared/session";
import { Button } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { SearchInput } from "@/shared/ui/field";
import { Page } from "@/shared/ui/page";
import { RangePicker, useRange } from "@/shared/ui/range";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { cn } from "@/shared/lib/cn";
import { ProviderForm } from "./added";
import { Changes } from "./changes";
import { GoesFirst } from "./first";
import { FallbackOrder } from "./order";
import { GRID, ProviderPanel } from "./ProviderPanel";
import { barsOf, gravestFirst, groupOf } from "./standing";
import { useTrials } from "./use-trials";

const STATUS = "/api/llm-providers/status";
const OFTEN_MS = 3_000;
const SOON_MS = 500;

export default function ProvidersPage() {
  const can = useMay();
  const range = useRange("24h");
  const [open, setOpen] = useParam("provider", "");
  const [text, setText] = useParam("q", "");
  const [adding, setAdding] = useState(false);
  const [trials, run] = useTrials();
  const status = query.useQuery("get", STATUS, {}, { refetchInterval: OFTEN_MS });
  const reads = can("read", "manage");
  const telemetry = query.useQuery(
    "get",
    "/api/llm-providers/telemetry",
    { params: { query: { hours: Math.min(range.hours, 720) } } },
    { enabled: reads, placeholderData: (before) => before, refetchInterval: 60_000 },
  );
  const keys = query.useQuery("get", "/api/provider-keys", {}, { retry: false });
  useFreshness(reads);
  const own = useMemo(
    () => new Map(keys.data?.providerKeys.map((key) => [key.provider, key.apiKey])),
    [keys.data],
  );
  const told = telemetry.data;
  const row = (provider: Provider) => (
    <ProviderPanel
      key={provider.id}
      provider={provider}
      told={told?.providers[provider.id]}
      bars={told && barsOf(told.history, provider.id, told.period)}
      first={status.data?.current === provider.id}
      ownKey={own.get(provider.id)}
      trial={trials[provider.id]}
      open={open === provider.id}
      onOpen={(on) => setOpen(on ? provider.id : "")}
      onTry={(complete) =>
        void run(provider, { complete, own: own.has(provider.id) && provider.needs !== null })
      }
    />
  );
  const all = Object.values(status.data?.providers ?? {});
  const used = all.filter((one) => groupOf(one) === "used");
  const well = used.filter((one) => one.status === "connected").length;
  return (
    <Page
      title="Providers"
      lead={
        status.data &&
        `${plural(used.length, "provider")} in use, ${well === used.length ? "all of them connected" : `${well} of them connected`}`
      }
      actions={
        <>
          {reads && <RangePicker value={range.name} onValue={range.setName} names={["24h", "7d", "30d"]} />}
          {can("admin") && (
            <Button icon={Plus} onClick={() => setAdding(true)}>
              Add a provider
            </Button>
          )}
        </>
      }
    >
      <Loaded of={status} lines={8}>
        {(data) => (
          <>
            <Changes providers={Object.values(data.providers)} />
            <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_19rem] xl:grid-rows-[auto_1fr]">
              <InUse
                rows={gravestFirst(used, (id) => told?.providers[id]?.calls ?? 0)}
                row={row}
                figures={reads}
              />
              <div className="flex min-w-0 flex-col gap-4 xl:col-start-2 xl:row-span-2">
                <GoesFirst />
                <FallbackOrder order={data.fallbackOrder} />
              </div>
              <Others
                rows={all.filter((one) => groupOf(one) !== "used")}
                open={open}
                row={row}
                text={text}
                onText={setText}
              />
            </div>
          </>
        )}
      </Loaded>
      {adding && <ProviderForm onClose={() => setAdding(false)} onAdded={setOpen} />}
    </Page>
  );
}

function InUse({
  rows,
  row,
  figures,
}: {
  rows: readonly Provider[];
  row: (provider: Provider) => React.ReactNode;
  figures: boolean;
}) {
  if (rows.length === 0)
    return (
      <Card>
        <EmptyState title="No provider is in use">
          Open one of those below: it says which key it needs, and where that goes.
        </EmptyState>
      </Card>
    );
  const heads = [
    "State",
    figures ? "Calls over time" : "",
    "Breaker",
    "Calls",
    "Failed",
    "First token",
    "Cost",
  ];
  return (
    <Card title="In use" flush>
      <div aria-hidden className={cn("hidden border-b px-4 py-1.5 text-xs font-medium text-soft", GRID)}>
        <span className="pl-5.5">Provider</span>
        {heads.map((head, at) => (
          <span key={head} className={at > 2 ? "text-right" : undefined}>
            {head}
          </span>
        ))}
      </div>
      <ul aria-label="Providers in use" className="overflow-hidden rounded-b-lg">
        {rows.map(row)}
      </ul>
    </Card>
  );
}

/** Those that nobody has set up here, and those that are asked only by name. */
function Others({
  rows,
  open,
  row,
  text,
  onText,
}: {
  rows: readonly Provider[];
  open: string;
  row: (provider: Provider) => React.ReactNode;
  text: string;
  onText: (text: string) => void;
}) {
  if (rows.length === 0) return null;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = rows.filter(
    (one) => one.id === open || words.every((word) => `${one.id} ${one.name}`.toLowerCase().includes(word)),
  );
  return (
    <Card
      title="Not in use"
      note={`${rows.length} more that are known`}
      flush
      actions={<SearchInput label="Find a provider" value={text} onValue={onText} className="w-44" />}
    >
      {shown.length === 0 ? (
        <EmptyState icon={SearchX} title="No provider is called that" className="py-6">
          A server that speaks OpenAI's API can be added under any name.
        </EmptyState>
      ) : (
        <ul aria-label="Providers not in use" className="mt-1 overflow-hidden rounded-b-lg border-t">
          {shown.toSorted((a, b) => a.name.localeCompare(b.name)).map(row)}
        </ul>
      )}
    </Card>
  );
}

/** Look at the providers anew when requests end: that is when something breaks or comes back. */
function useFreshness(enabled: boolean): void {
  const client = useQueryClient();
  const due = useRef(false);
  useLiveRequests(() => {
    if (due.current) return;
    due.current = true;
    setTimeout(() => {
      due.current = false;
      void client.invalidateQueries({ queryKey: ["get", STATUS] });
    }, SOON_MS);
  }, enabled);
}
