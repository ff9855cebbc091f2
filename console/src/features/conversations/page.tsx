import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Download, Ellipsis, MessagesSquare, Pencil, Plus, Sparkles, Trash2 } from "lucide-react";
import { useDeferredValue, useMemo, useState } from "react";
import { type Schema, api } from "@/shared/api/client";
import { exactMoment, plural, relative } from "@/shared/lib/format";
import { useParam } from "@/shared/lib/url";
import { useMay } from "@/shared/session";
import { Button, IconButton, buttonClass } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { Confirm } from "@/shared/ui/dialog";
import { SearchInput } from "@/shared/ui/field";
import { Menu } from "@/shared/ui/menu";
import { Page } from "@/shared/ui/page";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { type Column, DataTable } from "@/shared/ui/table";
import { Segmented } from "@/shared/ui/tabs";
import { failed, told } from "@/shared/ui/toast";
import { exported } from "./exporting";
import { Rename } from "./rename";

type Conversation = Schema["ConversationView"];

const PAGE = 100;

/** Everything that was talked about, the latest first. Pressing a row goes on with it in the playground. */
export default function ConversationsPage() {
  const can = useMay();
  const navigate = useNavigate();
  const [text, setText] = useParam("q", "");
  const [shelf, setShelf] = useParam<"current" | "archived">("shelf", "current");
  const [renamed, setRenamed] = useState<Conversation | null>(null);
  const [doomed, setDoomed] = useState<Conversation | "all" | null>(null);
  const listed = useConversations(useDeferredValue(text.trim()), shelf === "archived");
  const change = useChanging();
  const open = (one: Conversation) => void navigate({ to: "/playground", search: { conversation: one.id } });
  const columns = useMemo<Column<Conversation>[]>(
    () => [
      {
        id: "title",
        header: "Conversation",
        enableSorting: false,
        meta: { grow: true },
        cell: ({ row: { original: one } }) => (
          <span className="flex min-w-0 items-baseline gap-2.5">
            <Link
              to="/playground"
              search={{ conversation: one.id }}
              className="truncate font-medium hover:underline"
              onClick={(event) => event.stopPropagation()}
            >
              {one.title || "Without a title"}
            </Link>
            {one.excerpt && <span className="min-w-0 flex-1 truncate text-xs text-faint">{one.excerpt}</span>}
          </span>
        ),
      },
      {
        id: "agent",
        header: "Agent",
        enableSorting: false,
        size: 120,
        meta: { wide: true },
        cell: ({ row }) => <span className="text-soft">{row.original.agent ?? ""}</span>,
      },
      {
        id: "model",
        header: "Answered last",
        enableSorting: false,
        size: 260,
        meta: { wide: true },
        cell: ({ row: { original: one } }) => (
          <span className="text-soft">{[one.provider, one.model].filter(Boolean).join("/")}</span>
        ),
      },
      {
        id: "updated",
        header: "Last said",
        enableSorting: false,
        size: 110,
        meta: { figures: true },
        cell: ({ row }) => (
          <time dateTime={row.original.updatedAt} title={exactMoment(row.original.updatedAt)}>
            {relative(row.original.updatedAt)}
          </time>
        ),
      },
      {
        id: "actions",
        header: () => <span className="sr-only">Actions</span>,
        enableSorting: false,
        size: 60,
        meta: { figures: true },
        cell: ({ row: { original: one } }) => (
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions -- what is inside has its own keys; the row must not open with it
          <span onClick={(event) => event.stopPropagation()}>
            <Menu
              trigger={
                <IconButton icon={Ellipsis} size="sm" label={`What to do with ${one.title || one.id}`} />
              }
              actions={[
                { label: "Rename", icon: Pencil, onSelect: () => setRenamed(one) },
                {
                  label: "Find a title",
                  icon: Sparkles,
                  onSelect: () => void change.title(one),
                },
                { label: "Export as Markdown", icon: Download, onSelect: () => void exported(one.id, "md") },
                { label: "Export as JSON", icon: Download, onSelect: () => void exported(one.id, "json") },
                null,
                {
                  label: one.archived ? "Take back" : "Archive",
                  onSelect: () => void change.archive(one),
                },
                { label: "Delete", icon: Trash2, danger: true, onSelect: () => setDoomed(one) },
              ]}
            />
          </span>
        ),
      },
    ],
    [change],
  );
  const searching = text.trim() !== "";
  return (
    <Page
      title="Conversations"
      lead="Yours alone: nobody else sees them, administrators neither."
      actions={
        can("use") && (
          <Link to="/playground" className={buttonClass("primary")}>
            <Plus size={14} aria-hidden />
            New chat
          </Link>
        )
      }
    >
      <div className="flex flex-wrap items-center gap-2">
        <SearchInput
          label="Search titles and messages"
          value={text}
          onValue={setText}
          className="w-full sm:w-80"
        />
        {!searching && (
          <Segmented
            label="Which"
            value={shelf}
            onValue={setShelf}
            options={[
              { value: "current", label: "Current" },
              { value: "archived", label: "Archived" },
            ]}
          />
        )}
        {can("use", "manage") && (
          <Button look="quiet" icon={Trash2} className="ml-auto" onClick={() => setDoomed("all")}>
            Delete all
          </Button>
        )}
      </div>
      <Card flush>
        <Loaded of={listed} lines={8}>
          {(rows) => (
            <DataTable
              label="Conversations"
              rows={rows}
              columns={columns}
              id={(one) => one.id}
              onOpen={open}
              onEnd={listed.more}
              empty={
                searching ? (
                  <EmptyState icon={MessagesSquare} title={`Nothing was said about “${text.trim()}”`}>
                    All words have to be in it. Try fewer, or another one.
                  </EmptyState>
                ) : shelf === "archived" ? (
                  <EmptyState icon={MessagesSquare} title="Nothing is archived" />
                ) : (
                  <EmptyState
                    icon={MessagesSquare}
                    title="No conversations yet"
                    action={
                      <Link to="/playground" className={buttonClass()}>
                        Start one in the playground
                      </Link>
                    }
                  >
                    What you ask there is kept here, with its answers, until you delete it.
                  </EmptyState>
                )
              }
            />
          )}
        </Loaded>
      </Card>
      {listed.data && listed.data.length > 0 && (
        <p className="text-xs text-faint">
          {searching ? plural(listed.data.length, "conversation") : listed.whole}
        </p>
      )}
      {renamed && (
        <Rename
          title={renamed.title}
          busy={change.busy}
          onClose={() => setRenamed(null)}
          onSave={(title) => void change.rename(renamed, title).then(() => setRenamed(null))}
        />
      )}
      <Confirm
        open={doomed !== null}
        onOpenChange={() => setDoomed(null)}
        title={doomed === "all" ? "Delete all conversations?" : "Delete this conversation?"}
        action={doomed === "all" ? "Delete all" : "Delete"}
        busy={change.busy}
        consequence={
          doomed === "all"
            ? "All of your conversations, archived ones too, go with everything that was said and sent along in them. What they cost stays on the books."
            : `“${(doomed && doomed.title) || "It"}” goes with everything that was said and sent along in it. What it cost stays on the books.`
        }
        onConfirm={() => {
          if (doomed) void change.drop(doomed).then(() => setDoomed(null));
        }}
      />
    </Page>
  );
}

function useConversations(text: string, archived: boolean) {
  const asked = useInfiniteQuery({
    queryKey: ["get", "/api/conversations", { text, archived }],
    initialPageParam: "",
    placeholderData: (before) => before,
    queryFn: async ({ pageParam, signal }): Promise<Schema["ConversationsView"]> => {
      const which = text ? { q: text } : { archived, ...(pageParam && { cursor: pageParam }) };
      const { data } = await api.GET("/api/conversations", {
        params: { query: { limit: PAGE, ...which } },
        signal,
      });
      return data!;
    },
    getNextPageParam: (last: Schema["ConversationsView"]) => last.next ?? undefined,
  });
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = asked;
  const rows = useMemo(() => data?.pages.flatMap((page) => page.conversations), [data]);
  return {
    data: rows,
    error,
    refetch,
    more: () => {
      if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
    },
    whole: rows && `${plural(rows.length, "conversation")}${hasNextPage ? ", more as you scroll" : ""}`,
  };
}

/** What can be done with a conversation; each says what happened, and the list is read anew. */
function useChanging() {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  return useMemo(() => {
    const doing = async (work: () => Promise<unknown>, done?: string) => {
      setBusy(true);
      try {
        await work();
        if (done) told(done);
      } catch (error) {
        failed(error);
      } finally {
        setBusy(false);
        await client.invalidateQueries({ queryKey: ["get", "/api/conversations"] });
      }
    };
    const at = (one: Conversation) => ({ params: { path: { conversation_id: one.id } } });
    return {
      busy,
      rename: (one: Conversation, title: string) =>
        doing(() => api.PATCH("/api/conversations/{conversation_id}", { ...at(one), body: { title } })),
      archive: (one: Conversation) =>
        doing(
          () =>
            api.PATCH("/api/conversations/{conversation_id}", {
              ...at(one),
              body: { archived: !one.archived },
            }),
          one.archived ? "Taken back." : "Archived.",
        ),
      title: (one: Conversation) =>
        doing(() => api.POST("/api/conversations/generate-title", { body: { conversation: one.id } })),
      drop: (one: Conversation | "all") =>
        doing(
          () =>
            one === "all"
              ? api.DELETE("/api/conversations", { params: { query: { all: true } } })
              : api.DELETE("/api/conversations/{conversation_id}", at(one)),
          "Deleted.",
        ),
    };
  }, [client, busy]);
}
