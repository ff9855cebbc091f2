import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { type Schema, api } from "@/shared/api/client";
import { useNames } from "@/shared/books/people";
import { count, exactMoment, moment, words } from "@/shared/lib/format";
import { useAddress } from "@/shared/lib/url";
import { useMay } from "@/shared/session";
import { Badge, type Tone } from "@/shared/ui/badge";
import { Card, Facts } from "@/shared/ui/card";
import { Sheet } from "@/shared/ui/dialog";
import { Select } from "@/shared/ui/field";
import { Page } from "@/shared/ui/page";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { SimpleTable } from "@/shared/ui/simple-table";
import { type Column, DataTable } from "@/shared/ui/table";
import { differences, summary } from "./differences";

type Change = Schema["ChangeView"];

const PAGE = 200;
const TARGETS = [
  "key",
  "user",
  "team",
  "budget",
  "setting",
  "provider",
  "provider_key",
  "model",
  "preferences",
];
const TONES: Record<string, Tone> = { delete: "bad", revoke: "bad", rotate: "warn" };
const PLAIN = { enableSorting: false } as const;

export default function AuditPage() {
  const can = useMay();
  const names = useNames();
  const [search, change] = useAddress();
  const target = search.target ?? undefined;
  const asked = { target, targetId: search.id, limit: PAGE };
  const changes = useInfiniteQuery({
    queryKey: ["get", "/api/audit", { params: { query: asked } }, "pages"],
    queryFn: async ({ pageParam: before, signal }) => {
      const { data } = await api.GET("/api/audit", { params: { query: { ...asked, before } }, signal });
      return data!;
    },
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => last.next,
    placeholderData: (before) => before,
  });
  const pages = changes.data?.pages;
  const rows = useMemo(() => pages?.flatMap((page) => page.changes) ?? [], [pages]);
  const columns = useMemo(() => columnsOf(names), [names]);
  const open = rows.find((row) => String(row.id) === search.change);
  return (
    <Page
      title="Audit log"
      lead={can("admin") ? "Who changed what. Nothing in it can be changed." : "What you changed."}
      actions={
        <Select
          label="What was changed"
          value={target ?? ""}
          onValue={(to) => change({ target: to || undefined, id: undefined })}
          options={[
            { value: "", label: "Everything" },
            ...TARGETS.map((name) => ({ value: name, label: plural(name) })),
          ]}
        />
      }
    >
      <Card
        title="Changes"
        note={
          pages && `${count(rows.length)}${pages.at(-1)?.next === null ? "" : " so far"}, the latest first`
        }
        flush
      >
        <Loaded of={changes} lines={10}>
          {() => (
            <DataTable
              label="Changes"
              rows={rows}
              columns={columns}
              id={(row) => String(row.id)}
              open={search.change}
              onOpen={(row) => change({ change: String(row.id) })}
              onEnd={() => {
                if (changes.hasNextPage && !changes.isFetchingNextPage) void changes.fetchNextPage();
              }}
              height="calc(100dvh - 11rem)"
              empty={
                <EmptyState title="Nothing was changed yet">
                  Keys, users, budgets and settings that somebody changes are written down here.
                </EmptyState>
              }
            />
          )}
        </Loaded>
      </Card>
      {open && <Detail of={open} onClose={() => change({ change: undefined })} />}
    </Page>
  );
}

const plural = (target: string) => {
  const name = words(target);
  return name.endsWith("s") ? name : `${name}s`;
};

function nameOf(change: Change, names: (kind: string, id: string) => string): string {
  const said = [change.after, change.before].find(
    (one): one is { name: string } =>
      typeof one === "object" &&
      one !== null &&
      "name" in one &&
      typeof one.name === "string" &&
      one.name !== "",
  );
  return said?.name ?? names(change.target, change.targetId);
}

function columnsOf(names: (kind: string, id: string) => string): Column<Change>[] {
  return [
    {
      ...PLAIN,
      id: "at",
      header: "Time",
      size: 112,
      cell: ({ row: { original: row } }) => (
        <span className="text-soft" title={exactMoment(row.at)}>
          {moment(row.at)}
        </span>
      ),
    },
    {
      ...PLAIN,
      id: "who",
      header: "Who",
      size: 150,
      meta: { wide: true },
      cell: ({ row: { original: row } }) => names("user", row.userId),
    },
    {
      ...PLAIN,
      id: "action",
      header: "Did",
      size: 84,
      cell: ({ row: { original: row } }) => <Badge tone={TONES[row.action] ?? "neutral"}>{row.action}</Badge>,
    },
    {
      ...PLAIN,
      id: "target",
      header: "To",
      size: 300,
      meta: { grow: true },
      cell: ({ row: { original: row } }) => (
        <>
          <span className="mr-1.5 text-xs text-faint">{row.target}</span>
          <span className="font-medium">{nameOf(row, names)}</span>
        </>
      ),
    },
    {
      ...PLAIN,
      id: "what",
      header: "What is different",
      size: 420,
      meta: { wide: true },
      cell: ({ row: { original: row } }) => (
        <span className="text-xs text-soft">{summary(row.before, row.after)}</span>
      ),
    },
  ];
}

function Detail({ of: change, onClose }: { of: Change; onClose: () => void }) {
  const names = useNames();
  const found = differences(change.before, change.after);
  return (
    <Sheet
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={`${words(change.action)} ${change.target} ${nameOf(change, names)}`}
      description={exactMoment(change.at)}
    >
      <div className="flex flex-col gap-5">
        <Facts
          rows={[
            ["By", names("user", change.userId)],
            change.keyId !== null && ["With the key", names("key", change.keyId)],
            [words(change.target), change.targetId],
            change.requestId !== null && [
              "Request",
              <span key="request" className="font-mono text-xs">
                {change.requestId}
              </span>,
            ],
            [
              "More",
              <Link
                key="more"
                to="/audit"
                search={{ target: change.target, id: change.targetId }}
                className="text-accent hover:underline"
              >
                Everything done to it
              </Link>,
            ],
          ]}
        />
        {found.length === 0 ? (
          <EmptyState title="Nothing of it is different">
            Secrets are never written down, so that one that was replaced does not show.
          </EmptyState>
        ) : (
          <div className="overflow-hidden rounded-md border">
            <SimpleTable
              label="What is different"
              head={["Field", "Before", "After"]}
              rows={found.map((one) => ({
                id: one.field,
                cells: [
                  <span key="field" className="text-soft">
                    {one.field}
                  </span>,
                  <Value key="before" text={one.before} />,
                  <Value key="after" text={one.after} />,
                ],
              }))}
            />
          </div>
        )}
      </div>
    </Sheet>
  );
}

function Value({ text }: { text: string | null }) {
  return text === null ? (
    <span className="text-faint">–</span>
  ) : (
    <span className="font-mono text-xs break-all whitespace-pre-wrap">{text}</span>
  );
}
