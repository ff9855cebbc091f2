import { useMemo } from "react";
import { type Team, type User, useNames, useTeams, useUsers } from "@/shared/books/people";
import { query } from "@/shared/api/client";
import { count, money } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { Status } from "@/shared/ui/badge";
import { Card } from "@/shared/ui/card";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { type Column, DataTable } from "@/shared/ui/table";
import { restrictions, rights } from "./draft";

function useCosts(by: "user" | "team"): Map<string, number> {
  const usage = query.useQuery(
    "get",
    "/api/usage",
    { params: { query: { by, since: "30d", limit: 500 } } },
    { staleTime: 60_000 },
  );
  return useMemo(
    () => new Map(usage.data?.groups.map((group) => [group.name, group.usage.cost])),
    [usage.data],
  );
}

const limited = (limits: Record<string, number>) =>
  restrictions({ models: null, providers: null, limits }).join(", ") || "–";

function ends<T extends User | Team>(costs: Map<string, number>): Column<T>[] {
  return [
    {
      id: "limits",
      header: "At most",
      size: 190,
      meta: { wide: true },
      enableSorting: false,
      cell: ({ row: { original: row } }) => <span className="text-xs text-soft">{limited(row.limits)}</span>,
    },
    {
      id: "cost",
      header: "30 days",
      size: 84,
      meta: { figures: true },
      sortDescFirst: true,
      accessorFn: (row) => costs.get(row.id) ?? 0,
      cell: ({ row: { original: row } }) => money(costs.get(row.id) ?? 0),
    },
    {
      id: "state",
      header: "State",
      size: 96,
      accessorFn: (row) => row.enabled,
      cell: ({ row: { original: row } }) => (
        <Status tone={row.enabled ? "good" : "neutral"} className="text-xs">
          {row.enabled ? "on" : "off"}
        </Status>
      ),
    },
  ];
}

export function UsersTable({ open, onOpen }: { open?: string; onOpen: (id: string) => void }) {
  const users = useUsers();
  const names = useNames();
  const costs = useCosts("user");
  const columns = useMemo<Column<User>[]>(
    () => [
      {
        id: "name",
        header: "User",
        meta: { grow: true },
        accessorFn: (row) => row.name.toLowerCase(),
        cell: ({ row: { original: row } }) => (
          <>
            <span className={cn("font-medium", !row.enabled && "text-faint")}>{row.name}</span>
            <span className="ml-2 text-xs text-faint">{row.email ?? row.id}</span>
          </>
        ),
      },
      {
        id: "team",
        header: "Team",
        size: 130,
        meta: { wide: true },
        accessorFn: (row) => (row.teamId ? names("team", row.teamId) : ""),
      },
      {
        id: "scopes",
        header: "May",
        size: 180,
        meta: { wide: true },
        enableSorting: false,
        cell: ({ row: { original: row } }) => <span className="text-xs text-soft">{rights(row.scopes)}</span>,
      },
      ...ends<User>(costs),
    ],
    [names, costs],
  );
  return (
    <Card title="Users" note={users.data && count(users.data.users.length)} flush>
      <Loaded of={users} lines={6}>
        {(data) => (
          <DataTable
            label="Users"
            rows={data.users}
            columns={columns}
            id={(row) => row.id}
            open={open}
            onOpen={(row) => onOpen(row.id)}
            sort="name"
            sortParam="users"
            empty={
              <EmptyState title="There are no users yet">
                A user has keys, limits and costs of its own, and may belong to a team.
              </EmptyState>
            }
          />
        )}
      </Loaded>
    </Card>
  );
}

export function TeamsTable({ open, onOpen }: { open?: string; onOpen: (id: string) => void }) {
  const teams = useTeams();
  const users = useUsers().data?.users;
  const costs = useCosts("team");
  const columns = useMemo<Column<Team>[]>(
    () => [
      {
        id: "name",
        header: "Team",
        meta: { grow: true },
        accessorFn: (row) => row.name.toLowerCase(),
        cell: ({ row: { original: row } }) => (
          <>
            <span className={cn("font-medium", !row.enabled && "text-faint")}>{row.name}</span>
            <span className="ml-2 text-xs text-faint">{row.id}</span>
          </>
        ),
      },
      {
        id: "members",
        header: "Members",
        size: 90,
        meta: { figures: true, wide: true },
        sortDescFirst: true,
        accessorFn: (row) => users?.filter((user) => user.teamId === row.id).length ?? 0,
      },
      ...ends<Team>(costs),
    ],
    [users, costs],
  );
  return (
    <Card title="Teams" note={teams.data && count(teams.data.teams.length)} flush>
      <Loaded of={teams} lines={4}>
        {(data) => (
          <DataTable
            label="Teams"
            rows={data.teams}
            columns={columns}
            id={(row) => row.id}
            open={open}
            onOpen={(row) => onOpen(row.id)}
            sort="name"
            sortParam="teams"
            empty={
              <EmptyState title="There are no teams yet">
                A team&apos;s members share its costs, its budget and its limits.
              </EmptyState>
            }
          />
        )}
      </Loaded>
    </Card>
  );
}
