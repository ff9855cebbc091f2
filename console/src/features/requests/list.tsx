import { type ReactNode, useMemo } from "react";
import { useNames } from "@/shared/books/people";
import { count, duration, exactMoment, moment, money, plural, words } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import type { Tone } from "@/shared/ui/badge";
import { Card } from "@/shared/ui/card";
import { type Asked, EmptyState, Loaded } from "@/shared/ui/states";
import { type Column, DataTable } from "@/shared/ui/table";
import type { Request } from "./timeline";

export const TONES: Record<string, Tone> = { ok: "good", cancelled: "warn", error: "bad", lost: "bad" };
const dots: Record<string, string> = { ok: "bg-good", cancelled: "bg-warn", error: "bg-bad", lost: "bg-bad" };
const PLAIN = { enableSorting: false } as const;

/** How a request ended, in a few words. */
export function ending(request: Request): string {
  if (request.error !== null) return words(request.error).toLowerCase();
  if (request.status === "ok") return request.cached ? "from the cache" : "ok";
  return request.status;
}

function columns(names: (kind: string, id: string | null) => string): Column<Request>[] {
  return [
    {
      ...PLAIN,
      id: "at",
      header: "Time",
      size: 128,
      cell: ({ row: { original: row } }) => (
        <span className="inline-flex items-center gap-2 text-soft" title={exactMoment(row.at)}>
          <span aria-hidden className={cn("size-1.5 shrink-0 rounded-full", dots[row.status])} />
          {moment(row.at)}
        </span>
      ),
    },
    {
      ...PLAIN,
      id: "model",
      header: "Model",
      meta: { grow: true },
      cell: ({ row: { original: row } }) => (
        <>
          <span className="font-medium">
            {row.model === null ? row.asked || "–" : `${row.provider}/${row.model}`}
          </span>
          {row.tries > 1 && <span className="ml-2 text-xs text-warn">{plural(row.tries, "call")}</span>}
        </>
      ),
    },
    {
      ...PLAIN,
      id: "ending",
      header: "Ended",
      size: 150,
      meta: { wide: true },
      cell: ({ row: { original: row } }) => (
        <span
          className={cn(
            "text-xs",
            row.status === "ok" ? "text-faint" : row.status === "cancelled" ? "text-warn" : "text-bad",
          )}
        >
          {ending(row)}
        </span>
      ),
    },
    {
      ...PLAIN,
      id: "user",
      header: "User",
      size: 150,
      meta: { wide: true },
      cell: ({ row: { original: row } }) => <span className="text-soft">{names("user", row.user)}</span>,
    },
    {
      ...PLAIN,
      id: "tokens",
      header: "Tokens",
      size: 90,
      meta: { figures: true, wide: true },
      cell: ({ row: { original: row } }) => count(row.inputTokens + row.outputTokens),
    },
    {
      ...PLAIN,
      id: "cost",
      header: "Cost",
      size: 92,
      meta: { figures: true, wide: true },
      cell: ({ row: { original: row } }) => money(row.cost),
    },
    {
      ...PLAIN,
      id: "first",
      header: "First token",
      size: 96,
      meta: { figures: true, wide: true },
      cell: ({ row: { original: row } }) => duration(row.firstTokenMs),
    },
    {
      ...PLAIN,
      id: "duration",
      header: "Took",
      size: 84,
      meta: { figures: true },
      cell: ({ row: { original: row } }) => (
        <span className={cn(row.durationMs >= 30_000 && "text-warn")}>{duration(row.durationMs)}</span>
      ),
    },
  ];
}

interface Pages {
  pages: { requests: Request[]; next: string | null }[];
}

export function List({
  requests,
  open,
  onOpen,
  onEnd,
  filtered,
  more,
}: {
  requests: Asked<Pages>;
  open: string | undefined;
  onOpen: (id: string) => void;
  onEnd: () => void;
  filtered: boolean;
  more: ReactNode;
}) {
  const names = useNames();
  const pages = requests.data?.pages;
  const rows = useMemo(() => pages?.flatMap((page) => page.requests) ?? [], [pages]);
  const shown = useMemo(() => columns(names), [names]);
  const ended = pages?.at(-1)?.next === null;
  return (
    <Card
      title="Latest first"
      note={
        requests.data && `${count(rows.length)}${ended ? "" : " so far; further ones come as you scroll"}`
      }
      actions={more}
      flush
    >
      <Loaded of={requests} lines={12}>
        {() => (
          <DataTable
            label="Requests"
            rows={rows}
            columns={shown}
            id={(row) => row.id}
            open={open}
            onOpen={(row) => onOpen(row.id)}
            onEnd={onEnd}
            height="calc(100dvh - 13rem)"
            empty={
              filtered ? (
                <EmptyState title="No request is like that">
                  Take a filter away, or choose a longer time.
                </EmptyState>
              ) : (
                <EmptyState title="Nobody has asked anything in this time">
                  Choose a longer time, try the playground, or point a program at /v1.
                </EmptyState>
              )
            }
          />
        )}
      </Loaded>
    </Card>
  );
}
