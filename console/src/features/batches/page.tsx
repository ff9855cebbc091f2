import { useInfiniteQuery } from "@tanstack/react-query";
import { Layers } from "lucide-react";
import { useMemo } from "react";
import { api } from "@/shared/api/client";
import { count, exactMoment, money, relative, tokens } from "@/shared/lib/format";
import { useAddress } from "@/shared/lib/url";
import { useMay } from "@/shared/session";
import { Status } from "@/shared/ui/badge";
import { Card, Meter } from "@/shared/ui/card";
import { Code } from "@/shared/ui/copy";
import { Page } from "@/shared/ui/page";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { type Column, DataTable } from "@/shared/ui/table";
import { CreateBatch } from "./create";
import { Detail } from "./detail";
import { asCurl } from "./lines";
import { type Batch, isOpen, nameOf, standing } from "./standing";

const PAGE = 100;
const PLAIN = { enableSorting: false } as const;

export default function BatchesPage() {
  const can = useMay();
  const [search, change] = useAddress();
  const batches = useInfiniteQuery({
    queryKey: ["get", "/v1/batches", { limit: PAGE }, "pages"],
    queryFn: async ({ pageParam: after, signal }) => {
      const { data } = await api.GET("/v1/batches", { params: { query: { limit: PAGE, after } }, signal });
      return data!;
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => (last.has_more ? (last.last_id ?? undefined) : undefined),
    refetchInterval: (asked) =>
      asked.state.data?.pages.some((page) => page.data.some(isOpen)) ? 2000 : 15_000,
  });
  const pages = batches.data?.pages;
  const rows = useMemo(() => pages?.flatMap((page) => page.data) ?? [], [pages]);
  const create = can("use") && <CreateBatch onMade={(batch) => change({ batch: batch.id })} />;
  const open = rows.filter(isOpen).length;
  return (
    <Page
      title="Batches"
      lead="Files of requests that the gateway works through by itself, for any provider."
      actions={rows.length > 0 && create}
    >
      <Loaded of={batches} lines={8}>
        {() =>
          rows.length === 0 ? (
            <Card>
              <EmptyState icon={Layers} title="No batches yet" action={create}>
                Hand in a file with one request in each line. They are asked beside everything else, wait for
                limits and budgets, and their answers become a file.
              </EmptyState>
              <div className="mx-auto flex max-w-2xl flex-col gap-2 pb-4">
                <p className="text-sm text-soft">Or from a terminal; OpenAI&apos;s libraries do the same:</p>
                <Code text={asCurl(location.origin)} label="Copy the commands" />
              </div>
            </Card>
          ) : (
            <Card
              title="Your batches"
              note={`${count(rows.length)}${batches.hasNextPage ? " so far" : ""}${open > 0 ? `, ${count(open)} under way` : ""}`}
              flush
            >
              <DataTable
                label="Batches"
                rows={rows}
                columns={COLUMNS}
                id={(row) => row.id}
                open={search.batch}
                onOpen={(row) => change({ batch: row.id })}
                onEnd={() => {
                  if (batches.hasNextPage && !batches.isFetchingNextPage) void batches.fetchNextPage();
                }}
                height="calc(100dvh - 11rem)"
              />
            </Card>
          )
        }
      </Loaded>
      {search.batch && <Detail id={search.batch} onClose={() => change({ batch: undefined })} />}
    </Page>
  );
}

const COLUMNS: Column<Batch>[] = [
  {
    ...PLAIN,
    id: "name",
    header: "Batch",
    size: 260,
    meta: { grow: true },
    cell: ({ row: { original: row } }) => (
      <>
        <span className="font-medium">{nameOf(row)}</span>
        <span className="ml-2 text-xs text-faint">{row.endpoint}</span>
      </>
    ),
  },
  {
    ...PLAIN,
    id: "status",
    header: "Status",
    size: 116,
    cell: ({ row: { original: row } }) => {
      const { tone, label } = standing(row);
      return <Status tone={tone}>{label}</Status>;
    },
  },
  {
    ...PLAIN,
    id: "progress",
    header: "Done",
    size: 240,
    meta: { wide: true },
    cell: ({ row: { original: row } }) => {
      const { tone, part, progress } = standing(row);
      return (
        <span className="flex items-center gap-2">
          <span className="w-24 shrink-0">
            {part !== null && (
              <Meter
                value={part}
                label={`${progress} done`}
                tone={tone === "good" || tone === "warn" || tone === "bad" ? tone : "accent"}
              />
            )}
          </span>
          <span data-figures className="truncate text-xs text-soft">
            {progress}
          </span>
        </span>
      );
    },
  },
  {
    ...PLAIN,
    id: "failed",
    header: "Failed",
    size: 76,
    meta: { figures: true, wide: true },
    cell: ({ row: { original: row } }) => {
      const { failed } = row.request_counts;
      return <span className={failed > 0 ? "text-bad" : "text-faint"}>{count(failed)}</span>;
    },
  },
  {
    ...PLAIN,
    id: "tokens",
    header: "Tokens",
    size: 92,
    meta: { figures: true, wide: true },
    cell: ({ row: { original: row } }) => tokens(row.usage.total_tokens),
  },
  {
    ...PLAIN,
    id: "cost",
    header: "Cost",
    size: 92,
    meta: { figures: true },
    cell: ({ row: { original: row } }) => money(row.wye.cost_usd),
  },
  {
    ...PLAIN,
    id: "made",
    header: "Made",
    size: 112,
    meta: { wide: true },
    cell: ({ row: { original: row } }) => (
      <span className="text-soft" title={exactMoment(row.created_at)}>
        {relative(row.created_at)}
      </span>
    ),
  },
];
