import { useInfiniteQuery } from "@tanstack/react-query";
import { Command } from "cmdk";
import { Download, RefreshCw } from "lucide-react";
import { useState } from "react";
import { api } from "@/shared/api/client";
import { useLiveRequests } from "@/shared/api/live";
import { useFilters } from "@/shared/books/filters";
import { FilterBar, FilterChip, choiceClass } from "@/shared/books/filter-bar";
import { plural, words } from "@/shared/lib/format";
import { useAddress } from "@/shared/lib/url";
import { Button, buttonClass } from "@/shared/ui/button";
import { Select } from "@/shared/ui/field";
import { Page } from "@/shared/ui/page";
import { RangePicker, useRange } from "@/shared/ui/range";
import { Detail } from "./detail";
import { List } from "./list";
import { PAGE, SLOWER, STATUSES, type Status, csvUrl, matches, soughtOf } from "./sought";

export default function RequestsPage() {
  const range = useRange("24h");
  const [filters] = useFilters();
  const [search, change] = useAddress();
  const sought = soughtOf(search);
  const asked = { since: range.since, ...filters, ...sought };
  const wanted = { ...asked, limit: PAGE };
  const requests = useInfiniteQuery({
    queryKey: ["get", "/api/usage/requests", { params: { query: wanted } }, "pages"],
    queryFn: async ({ pageParam: before, signal }) => {
      const { data } = await api.GET("/api/usage/requests", {
        params: { query: { ...wanted, before } },
        signal,
      });
      return data!;
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next,
    placeholderData: (before) => before,
  });
  const [fresh, setFresh] = useState(0);
  useLiveRequests((ended) => {
    const count = ended.filter((one) => matches(one, { ...filters, ...sought })).length;
    if (count > 0) setFresh((before) => before + count);
  });
  const reload = () => {
    setFresh(0);
    void requests.refetch();
  };
  const none =
    Object.keys(filters).length === 0 &&
    sought.status === undefined &&
    sought.error === undefined &&
    sought.parent === undefined &&
    sought.longerThanMs === undefined;
  return (
    <Page
      title="Requests"
      lead="What was asked, of whom, and how it went. What was said is not kept here."
      actions={
        <>
          <RangePicker value={range.name} onValue={range.setName} />
          <a href={csvUrl(asked)} download className={buttonClass()}>
            <Download size={14} aria-hidden />
            Export CSV
          </a>
        </>
      }
    >
      <div className="flex flex-wrap items-center gap-2">
        <FilterBar
          since={range.since}
          placeholder="Find by model, user, tag, error or request id…"
          extra={(text, close) => (
            <Extra
              text={text}
              show={(changes) => {
                change(changes);
                close();
              }}
            />
          )}
          chips={
            <>
              {sought.error !== undefined && (
                <FilterChip
                  name="Error"
                  value={words(sought.error)}
                  onRemove={() => change({ error: undefined })}
                />
              )}
              {sought.parent !== undefined && (
                <FilterChip
                  name="Made for"
                  value={sought.parent}
                  onRemove={() => change({ parent: undefined })}
                />
              )}
            </>
          }
        />
        <Select<Status | "">
          label="How it ended"
          value={sought.status ?? ""}
          onValue={(status) => change({ status: status || undefined })}
          options={STATUSES}
        />
        <Select
          label="How long it took"
          value={search.slower ?? ""}
          onValue={(slower) => change({ slower: slower || undefined })}
          options={SLOWER}
        />
      </div>
      <List
        requests={requests}
        open={search.request}
        onOpen={(id) => change({ request: id })}
        filtered={!none}
        more={
          fresh > 0 && (
            <Button size="sm" icon={RefreshCw} onClick={reload}>
              Show {plural(fresh, "new request")}
            </Button>
          )
        }
        onEnd={() => {
          if (requests.hasNextPage && !requests.isFetchingNextPage) void requests.fetchNextPage();
        }}
      />
      {search.request !== undefined && (
        <Detail
          key={search.request}
          id={search.request}
          onOpen={(id) => change({ request: id }, true)}
          onClose={() => change({ request: undefined })}
        />
      )}
    </Page>
  );
}

/** What a typed text may be besides a name that the books know. */
function Extra({
  text,
  show,
}: {
  text: string;
  show: (changes: Record<string, string | undefined>) => void;
}) {
  if (/\s/.test(text) || text.length < 3) return null;
  return (
    <Command.Group forceMount>
      <Command.Item
        forceMount
        value={`request ${text}`}
        onSelect={() => show({ request: text })}
        className={choiceClass}
      >
        Open the request <span className="truncate font-mono text-xs">{text}</span>
      </Command.Item>
      <Command.Item
        forceMount
        value={`error ${text}`}
        onSelect={() => show({ error: text, status: undefined })}
        className={choiceClass}
      >
        Only the error <span className="truncate font-mono text-xs">{text}</span>
      </Command.Item>
    </Command.Group>
  );
}
