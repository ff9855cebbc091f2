import { useCallback, useMemo } from "react";
import { query } from "@/shared/api/client";
import { useKeys, useNames, useUsers } from "@/shared/books/people";
import { count, day, exactMoment, money, relative } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { useParam } from "@/shared/lib/url";
import { Status } from "@/shared/ui/badge";
import { Card } from "@/shared/ui/card";
import { SearchInput } from "@/shared/ui/field";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { type Column, DataTable } from "@/shared/ui/table";
import { Segmented } from "@/shared/ui/tabs";
import { CreateKey } from "./create";
import { type Key, restrictions, rights } from "./draft";
import { KEY_TONES } from "./key-sheet";

export function KeysTable({ open, onOpen }: { open?: string; onOpen: (id: string) => void }) {
  const keys = useKeys();
  const names = useNames();
  const users = useUsers().data?.users;
  const teamOf = useCallback(
    (key: Key) => {
      const team = key.teamId ?? users?.find((one) => one.id === key.userId)?.teamId;
      return team ? names("team", team) : "";
    },
    [users, names],
  );
  const [text, setText] = useParam("q", "");
  const [state, setState] = useParam<"active" | "all">("state", "active");
  const usage = query.useQuery(
    "get",
    "/api/usage",
    { params: { query: { by: "key", since: "30d", limit: 500 } } },
    { staleTime: 60_000 },
  );
  const costs = useMemo(
    () => new Map(usage.data?.groups.map((group) => [group.name, group.usage.cost])),
    [usage.data],
  );
  const all = keys.data?.keys;
  const rows = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (all ?? []).filter((key) => {
      const hay = `${key.name} ${key.prefix} ${key.id} ${names("user", key.userId)} ${names("team", key.teamId)} ${key.tags.join(" ")}`;
      return (
        (state === "all" || key.status === "active") &&
        words.every((word) => hay.toLowerCase().includes(word))
      );
    });
  }, [all, text, state, names]);
  const columns = useMemo<Column<Key>[]>(
    () => [
      {
        id: "name",
        header: "Key",
        meta: { grow: true },
        accessorFn: (row) => row.name.toLowerCase(),
        cell: ({ row: { original: row } }) => (
          <>
            <span className={cn("font-medium", row.status !== "active" && "text-faint")}>{row.name}</span>
            <span className="ml-2 font-mono text-xs text-faint">{row.prefix}…</span>
          </>
        ),
      },
      {
        id: "user",
        header: "User",
        size: 140,
        meta: { wide: true },
        accessorFn: (row) => names("user", row.userId),
      },
      {
        id: "team",
        header: "Team",
        size: 110,
        meta: { wide: true },
        accessorFn: (row) => teamOf(row),
      },
      {
        id: "scopes",
        header: "May",
        size: 150,
        meta: { wide: true },
        enableSorting: false,
        cell: ({ row: { original: row } }) => <span className="text-xs text-soft">{rights(row.scopes)}</span>,
      },
      {
        id: "restricted",
        header: "Only",
        size: 170,
        meta: { wide: true },
        enableSorting: false,
        cell: ({ row: { original: row } }) => (
          <span className="text-xs text-soft">{restrictions(row).join(", ") || "–"}</span>
        ),
      },
      {
        id: "cost",
        header: "30 days",
        size: 84,
        meta: { figures: true, wide: true },
        accessorFn: (row) => costs.get(row.id) ?? 0,
        sortDescFirst: true,
        cell: ({ row: { original: row } }) => money(costs.get(row.id) ?? 0),
      },
      {
        id: "used",
        header: "Last used",
        size: 104,
        meta: { figures: true, wide: true },
        accessorFn: (row) => (row.lastUsedAt ? Date.parse(row.lastUsedAt) : 0),
        sortDescFirst: true,
        cell: ({ row: { original: row } }) => (
          <span className="text-soft" title={exactMoment(row.lastUsedAt)}>
            {row.lastUsedAt ? relative(row.lastUsedAt) : "never"}
          </span>
        ),
      },
      {
        id: "status",
        header: "State",
        size: 116,
        accessorFn: (row) => row.status,
        cell: ({ row: { original: row } }) => (
          <Status tone={KEY_TONES[row.status as keyof typeof KEY_TONES]} className="text-xs">
            {row.status === "active" && row.expiresAt ? `until ${day(row.expiresAt)}` : row.status}
          </Status>
        ),
      },
    ],
    [names, costs, teamOf],
  );
  return (
    <Card
      title="Keys"
      note={all && `${count(rows.length)}${rows.length === all.length ? "" : ` of ${count(all.length)}`}`}
      actions={
        <>
          <Segmented
            label="Which keys"
            value={state}
            onValue={setState}
            options={[
              { value: "active", label: "Active" },
              { value: "all", label: "All" },
            ]}
          />
          <SearchInput label="Find a key" value={text} onValue={setText} className="w-44" />
        </>
      }
      flush
    >
      <Loaded of={keys} lines={6}>
        {(data) => (
          <DataTable
            label="Keys"
            rows={rows}
            columns={columns}
            id={(row) => row.id}
            open={open}
            onOpen={(row) => onOpen(row.id)}
            sort="name"
            empty={
              data.keys.length === 0 ? (
                <EmptyState title="There are no keys yet" action={<CreateKey />}>
                  A key tells the gateway who asks, what they may ask, and how much.
                </EmptyState>
              ) : (
                <EmptyState title="No key is like that">
                  Take the search away, or look at all of them.
                </EmptyState>
              )
            }
          />
        )}
      </Loaded>
    </Card>
  );
}
