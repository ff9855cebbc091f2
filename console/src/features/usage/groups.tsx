import { Link } from "@tanstack/react-router";
import { ListTree } from "lucide-react";
import { useMemo } from "react";
import type { Schema } from "@/shared/api/client";
import { DIMENSIONS, type Dimension, type Filters, withFilter } from "@/shared/books/filters";
import { useNames } from "@/shared/books/people";
import { change, count, duration, money, percent, short } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { Card } from "@/shared/ui/card";
import { type Asked, EmptyState, Loaded } from "@/shared/ui/states";
import { type Column, DataTable } from "@/shared/ui/table";
import { share } from "./drill";

type Group = Schema["GroupView"];

/** What it all is made of; pressing a group looks into it. */
export function Groups({
  report,
  by,
  most,
  since,
  filters,
  onDrill,
}: {
  report: Asked<Schema["ReportView"]>;
  by: Dimension;
  most: number;
  since: string;
  filters: Filters;
  onDrill: (name: string) => void;
}) {
  const names = useNames();
  const whole = report.data?.total.usage.cost ?? 0;
  const columns = useMemo<Column<Group>[]>(
    () => [
      {
        id: "name",
        header: DIMENSIONS[by].label,
        accessorFn: (row) => names(by, row.name),
        meta: { grow: true },
        cell: ({ row: { original: row } }) => (
          <span className={cn("font-medium", row.name === "" && "font-normal text-faint")} title={row.name}>
            {row.name === "" ? `no ${DIMENSIONS[by].label.toLowerCase()}` : names(by, row.name)}
          </span>
        ),
      },
      {
        id: "cost",
        header: "Cost",
        size: 88,
        accessorFn: (row) => row.usage.cost,
        meta: { figures: true },
        cell: ({ row: { original: row } }) => money(row.usage.cost),
        sortDescFirst: true,
      },
      {
        id: "share",
        header: "Share",
        size: 132,
        accessorFn: (row) => row.usage.cost,
        meta: { wide: true },
        enableSorting: false,
        cell: ({ row: { original: row } }) => <Share part={share(row.usage.cost, whole)} />,
      },
      {
        id: "change",
        header: "Change",
        size: 92,
        accessorFn: (row) => row.before?.cost ?? 0,
        meta: { figures: true },
        cell: ({ row: { original: row } }) => {
          const told = change(row.usage.cost, row.before?.cost);
          return (
            <span
              title={row.before ? `${money(row.before.cost)} in the time before` : undefined}
              className={cn(
                "text-xs",
                !told || Math.abs(told.ratio) < 0.005
                  ? "text-faint"
                  : told.ratio > 0
                    ? "text-bad"
                    : "text-good",
              )}
            >
              {told?.text ?? (row.usage.cost > 0 ? "new" : "–")}
            </span>
          );
        },
      },
      {
        id: "requests",
        header: "Requests",
        size: 92,
        accessorFn: (row) => row.usage.requests,
        meta: { figures: true },
        sortDescFirst: true,
        cell: ({ row: { original: row } }) => count(row.usage.requests),
      },
      {
        id: "tokens",
        header: "Tokens",
        size: 84,
        accessorFn: (row) => row.usage.totalTokens,
        meta: { figures: true, wide: true },
        sortDescFirst: true,
        cell: ({ row: { original: row } }) => short(row.usage.totalTokens),
      },
      {
        id: "each",
        header: "A request",
        size: 96,
        accessorFn: (row) => (row.usage.requests ? row.usage.cost / row.usage.requests : 0),
        meta: { figures: true, wide: true },
        sortDescFirst: true,
        cell: ({ row: { original: row } }) =>
          money(row.usage.requests ? row.usage.cost / row.usage.requests : null),
      },
      {
        id: "failing",
        header: "Failed",
        size: 76,
        accessorFn: (row) => (row.usage.requests ? row.usage.failures / row.usage.requests : 0),
        meta: { figures: true, wide: true },
        sortDescFirst: true,
        cell: ({ row: { original: row } }) => {
          const part = row.usage.requests ? row.usage.failures / row.usage.requests : null;
          return <span className={cn((part ?? 0) >= 0.05 && "text-bad")}>{percent(part)}</span>;
        },
      },
      {
        id: "duration",
        header: "Mean time",
        size: 96,
        accessorFn: (row) => row.usage.averageDurationMs ?? 0,
        meta: { figures: true, wide: true },
        sortDescFirst: true,
        cell: ({ row: { original: row } }) => duration(row.usage.averageDurationMs),
      },
      {
        id: "more",
        header: () => <span className="sr-only">Requests of it</span>,
        size: 52,
        enableSorting: false,
        meta: { wide: true },
        cell: ({ row: { original: row } }) =>
          row.name !== "" && (
            <Link
              to="/requests"
              search={{ ...withFilter(filters, by, row.name), range: since }}
              onClick={(event) => event.stopPropagation()}
              aria-label={`Requests of ${names(by, row.name)}`}
              className="inline-flex rounded-sm p-1 text-faint hover:text-ink"
            >
              <ListTree size={15} aria-hidden />
            </Link>
          ),
      },
    ],
    [by, names, whole, filters, since],
  );
  return (
    <Card
      title={`By ${DIMENSIONS[by].label.toLowerCase()}`}
      note={
        report.data && report.data.groups.length > 0
          ? `${count(report.data.groups.length)}${report.data.others ? ` of more than ${most}, the dearest` : ""} · press one to look into it`
          : undefined
      }
      flush
    >
      <Loaded of={report} lines={8}>
        {(data) => (
          <DataTable
            label={`Usage by ${DIMENSIONS[by].label.toLowerCase()}`}
            rows={data.groups}
            columns={columns}
            id={(row) => row.name}
            sort="-cost"
            onOpen={(row) => row.name !== "" && onDrill(row.name)}
            empty={
              <EmptyState title={`No ${DIMENSIONS[by].many} in this time`}>
                {by === "tag"
                  ? "Requests are tagged by their key, or by the header x-wye-usage-tags."
                  : by === "conversation"
                    ? "What is asked in a conversation, here or by /api/chat, is kept by it."
                    : "Choose a longer time, or take a filter away."}
              </EmptyState>
            }
          />
        )}
      </Loaded>
    </Card>
  );
}

function Share({ part }: { part: number }) {
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden className="h-1.5 flex-1 overflow-hidden rounded-full bg-sunken">
        <span className="block h-full rounded-full bg-accent" style={{ width: `${part * 100}%` }} />
      </span>
      <span data-figures className="w-10 text-right text-xs text-soft">
        {percent(part)}
      </span>
    </span>
  );
}
