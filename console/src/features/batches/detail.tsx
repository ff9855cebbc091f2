import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Ban, Download } from "lucide-react";
import { type ReactNode, useState } from "react";
import { query } from "@/shared/api/client";
import { ApiError } from "@/shared/api/error";
import { count, exactMoment, money, percent, plural, tokens } from "@/shared/lib/format";
import { useMay } from "@/shared/session";
import { Status } from "@/shared/ui/badge";
import { Button, buttonClass } from "@/shared/ui/button";
import { Facts, Meter } from "@/shared/ui/card";
import { CopyButton } from "@/shared/ui/copy";
import { Confirm, Sheet } from "@/shared/ui/dialog";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { SimpleTable } from "@/shared/ui/simple-table";
import { told } from "@/shared/ui/toast";
import { type Batch, endOf, isGoing, isOpen, nameOf, standing } from "./standing";

/** One batch: how far it is, what it took, what is wrong with it, and its files. */
export function Detail({ id, onClose }: { id: string; onClose: () => void }) {
  const found = query.useQuery(
    "get",
    "/v1/batches/{batch_id}",
    { params: { path: { batch_id: id } } },
    { refetchInterval: (asked) => (asked.state.data && !isOpen(asked.state.data) ? false : 1500) },
  );
  const missing = found.error instanceof ApiError && found.error.status === 404;
  return (
    <Sheet
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={found.data ? nameOf(found.data) : "Batch"}
      description={found.data ? `${found.data.endpoint}, ${exactMoment(found.data.created_at)}` : id}
      footer={found.data && isGoing(found.data) ? <Cancel batch={found.data} /> : undefined}
    >
      {missing ? (
        <EmptyState title="There is no such batch">
          Its id may be mistyped, it may be somebody else&apos;s, or it is older than what is kept.
        </EmptyState>
      ) : (
        <Loaded of={found} lines={8}>
          {(batch) => <Body batch={batch} />}
        </Loaded>
      )}
    </Sheet>
  );
}

function Body({ batch }: { batch: Batch }) {
  const { tone, label, part, progress } = standing(batch);
  const { failed } = batch.request_counts;
  const end = endOf(batch);
  const can = useMay();
  const canSee = can("read") || can("manage");
  return (
    <div className="flex flex-col gap-5">
      <div className="flex flex-col gap-2">
        <div className="flex flex-wrap items-baseline justify-between gap-2">
          <Status tone={tone}>{label}</Status>
          <span data-figures className="text-sm text-soft">
            {progress}
            {part !== null && `, ${percent(part)}`}
            {failed > 0 && <span className="text-bad">, {count(failed)} failed</span>}
          </span>
        </div>
        {part !== null && <Meter value={part} label={`${progress} done`} tone={meterTone(tone)} />}
      </div>
      {batch.wye.waits_for !== null && isOpen(batch) && (
        <Note>It waits, and goes on by itself: {batch.wye.waits_for}</Note>
      )}
      <Files batch={batch} />
      {batch.errors && (
        <div className="overflow-hidden rounded-md border">
          <SimpleTable
            label="What is wrong with the file"
            head={["Line", "What is wrong"]}
            figures={[0]}
            rows={batch.errors.data.map((error, at) => ({
              id: String(at),
              cells: [
                error.line === null ? "–" : count(error.line),
                <span key="what" className="block py-1.5">
                  {error.message}
                  <span className="block font-mono text-xs text-faint">{error.code}</span>
                </span>,
              ],
            }))}
          />
        </div>
      )}
      <Facts
        rows={[
          [
            "Cost",
            <>
              {money(batch.wye.cost_usd)}
              {batch.wye.unknown_costs > 0 && (
                <span className="text-faint">
                  {" "}
                  and {plural(batch.wye.unknown_costs, "request")} of unknown cost
                </span>
              )}
            </>,
          ],
          [
            "Tokens",
            `${tokens(batch.usage.input_tokens)} in, ${tokens(batch.usage.output_tokens)} out` +
              (batch.usage.input_tokens_details.cached_tokens > 0
                ? `, ${tokens(batch.usage.input_tokens_details.cached_tokens)} of them cached`
                : ""),
          ],
          batch.model !== null && ["Model", batch.model],
          canSee && [
            "Requests",
            <Link
              key="requests"
              to="/requests"
              search={{ parent: batch.id, range: "30d" }}
              className="text-accent hover:underline"
            >
              What was asked, one by one
            </Link>,
          ],
          ["Made", exactMoment(batch.created_at)],
          batch.in_progress_at !== null && ["Began", exactMoment(batch.in_progress_at)],
          end === null ? ["Goes on until", exactMoment(batch.expires_at)] : ["Ended", exactMoment(end)],
          [
            "Id",
            <span key="id" className="inline-flex items-center gap-1 font-mono text-xs break-all">
              {batch.id}
              <CopyButton text={batch.id} label="Copy the id" />
            </span>,
          ],
          ...Object.entries(batch.metadata ?? {})
            .filter(([name]) => name !== "name")
            .map(([name, value]) => [name, value] as const),
        ]}
      />
    </div>
  );
}

const meterTone = (tone: string) =>
  tone === "good" || tone === "warn" || tone === "bad" ? tone : ("accent" as const);

function Note({ children }: { children: ReactNode }) {
  return <p className="rounded-md border bg-warn-wash px-3 py-2 text-sm text-warn">{children}</p>;
}

/** What can be saved of it. */
function Files({ batch }: { batch: Batch }) {
  const files = [
    ["Answers", batch.output_file_id],
    ["Errors", batch.error_file_id],
    ["What was asked", batch.input_file_id],
  ] as const;
  return (
    <div className="flex flex-wrap gap-2">
      {files.map(
        ([label, id]) =>
          id !== null && (
            <a
              key={label}
              href={`/v1/files/${encodeURIComponent(id)}/content`}
              download={`${batch.id}.${label.toLowerCase().replaceAll(" ", "-")}.jsonl`}
              className={buttonClass("plain", "md")}
            >
              <Download size={14} aria-hidden />
              {label}
            </a>
          ),
      )}
    </div>
  );
}

function Cancel({ batch }: { batch: Batch }) {
  const can = useMay();
  const client = useQueryClient();
  const [asks, setAsks] = useState(false);
  const cancel = query.useMutation("post", "/v1/batches/{batch_id}/cancel", {
    onSuccess: async () => {
      setAsks(false);
      told("No further line is asked.");
      await client.invalidateQueries({ queryKey: ["get", "/v1/batches"] });
      await client.invalidateQueries({ queryKey: ["get", "/v1/batches/{batch_id}"] });
    },
  });
  if (!can("use")) return null;
  return (
    <>
      <Button look="danger" icon={Ban} onClick={() => setAsks(true)}>
        Cancel batch
      </Button>
      <Confirm
        open={asks}
        onOpenChange={setAsks}
        title={`Cancel “${nameOf(batch)}”?`}
        consequence="Lines that were not asked yet are not asked any more. What was answered stays, and is paid for."
        action="Cancel batch"
        busy={cancel.isPending}
        onConfirm={() => cancel.mutate({ params: { path: { batch_id: batch.id } } })}
      />
    </>
  );
}
