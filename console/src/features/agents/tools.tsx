import { useMemo } from "react";
import { Wrench } from "lucide-react";
import type { Schema } from "@/shared/api/client";
import { plural } from "@/shared/lib/format";
import { useAddress, useParam } from "@/shared/lib/url";
import { Badge, Status } from "@/shared/ui/badge";
import { Card } from "@/shared/ui/card";
import { SearchInput } from "@/shared/ui/field";
import { EmptyState } from "@/shared/ui/states";
import { type Column, DataTable } from "@/shared/ui/table";
import { ToolSheet } from "./tool-sheet";

type Tool = Schema["ToolView"];

/** Every tool, whether it may be called and why not; one of them opens with its schema. */
export function Tools({ told }: { told: Schema["ToolsView"] }) {
  const [{ tool: open }, change] = useAddress();
  const [text, setText] = useParam("q", "");
  const rows = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return told.tools.filter((one) =>
      words.every((word) => `${one.name} ${one.description}`.toLowerCase().includes(word)),
    );
  }, [told.tools, text]);
  const shown = told.tools.find((one) => one.name === open);
  return (
    <div className="flex flex-col gap-4">
      <SearchInput label="Search tools" value={text} onValue={setText} className="w-full sm:w-72" />
      <Card flush>
        <DataTable
          label="Tools"
          rows={rows}
          columns={COLUMNS}
          id={(one) => one.name}
          open={open}
          onOpen={(one) => change({ tool: one.name }, true)}
          empty={<EmptyState icon={Wrench} title="No tool has all these words" />}
        />
      </Card>
      <Servers of={told.servers} />
      {shown && <ToolSheet key={shown.name} tool={shown} onClose={() => change({ tool: undefined })} />}
    </div>
  );
}

const COLUMNS: Column<Tool>[] = [
  {
    id: "name",
    header: "Tool",
    accessorFn: (one) => one.name,
    size: 190,
    cell: ({ row }) => <span className="font-mono text-xs font-medium">{row.original.name}</span>,
  },
  {
    id: "description",
    header: "What it does",
    enableSorting: false,
    meta: { grow: true, wide: true },
    cell: ({ row }) => <span className="text-soft">{row.original.description}</span>,
  },
  {
    id: "scope",
    header: "Needs",
    accessorFn: (one) => one.scope,
    size: 80,
    meta: { wide: true },
    cell: ({ row }) => <Badge>{row.original.scope}</Badge>,
  },
  {
    id: "usable",
    header: "State",
    accessorFn: (one) => Number(one.usable),
    size: 150,
    cell: ({ row }) => (
      <Status tone={row.original.usable ? "good" : "neutral"}>
        {row.original.usable ? "Usable" : "Off"}
      </Status>
    ),
  },
];

function Servers({ of }: { of: Schema["ToolsView"]["servers"] }) {
  if (of.length === 0) return null;
  return (
    <Card title="MCP servers">
      <ul className="flex flex-col gap-1.5">
        {of.map((server) => (
          <li key={server.name} className="flex flex-wrap items-center gap-x-4 gap-y-1 text-sm">
            <span className="font-mono text-xs">{server.name}</span>
            <Status tone={server.connected ? "good" : "bad"}>
              {server.connected ? "Connected" : "Away"}
            </Status>
            <span className="text-soft">{plural(server.tools, "tool")}</span>
            {server.whyNot && <span className="min-w-0 text-bad">{server.whyNot}</span>}
          </li>
        ))}
      </ul>
    </Card>
  );
}
