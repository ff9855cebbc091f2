import { Command } from "cmdk";
import { Search, X } from "lucide-react";
import { Popover } from "radix-ui";
import { type ReactNode, useState } from "react";
import { query } from "@/shared/api/client";
import { short } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { DIMENSIONS, DIMENSION_NAMES, type Dimension, useFilters } from "./filters";
import { useNames } from "./people";

const MOST = 100;

/** Filters in force as chips, and a search over everything that the books know in this time. */
export function FilterBar({
  since,
  placeholder = "Filter by model, user, key, team, tag…",
  without = [],
  extra,
  chips,
}: {
  since: string;
  placeholder?: string;
  without?: readonly Dimension[];
  /** Offered for what is typed: the id of a request, say. */
  extra?: (text: string, close: () => void) => ReactNode;
  /** Further filters of the page, shown beside these. */
  chips?: ReactNode;
}) {
  const [filters, setFilter] = useFilters();
  const names = useNames();
  const [open, setOpen] = useState(false);
  return (
    <div className="flex min-w-0 flex-1 flex-wrap items-center gap-2">
      <Popover.Root open={open} onOpenChange={setOpen}>
        <Popover.Trigger asChild>
          <button
            type="button"
            className="flex h-8 w-full items-center gap-2 rounded-md border border-edge bg-raised px-2.5 text-left text-sm text-faint sm:w-80"
          >
            <Search size={14} aria-hidden className="shrink-0" />
            <span className="truncate">{placeholder}</span>
          </button>
        </Popover.Trigger>
        <Popover.Portal>
          <Popover.Content
            align="start"
            sideOffset={4}
            collisionPadding={8}
            aria-label="Filters"
            className="z-50 w-[min(26rem,calc(100vw-1rem))] animate-in overflow-hidden rounded-lg border bg-raised shadow-pop"
          >
            <Choices
              since={since}
              without={without}
              extra={extra}
              choose={(name, value) => {
                setFilter(name, value);
                setOpen(false);
              }}
              close={() => setOpen(false)}
            />
          </Popover.Content>
        </Popover.Portal>
      </Popover.Root>
      {DIMENSION_NAMES.filter((name) => filters[name] !== undefined).map((name) => (
        <FilterChip
          key={name}
          name={DIMENSIONS[name].label}
          value={names(name, filters[name])}
          onRemove={() => setFilter(name, undefined)}
        />
      ))}
      {chips}
    </div>
  );
}

/** A filter that is in force, and how to take it away. */
export function FilterChip({ name, value, onRemove }: { name: string; value: string; onRemove: () => void }) {
  return (
    <span className="inline-flex h-7 max-w-full items-center gap-1.5 rounded-md bg-accent-wash pr-1 pl-2 text-xs text-accent-strong">
      <span className="text-soft">{name}</span>
      <span className="truncate font-medium">{value}</span>
      <button
        type="button"
        onClick={onRemove}
        aria-label={`Remove the filter ${name} ${value}`}
        className="rounded-sm p-0.5 hover:bg-panel"
      >
        <X size={13} aria-hidden />
      </button>
    </span>
  );
}

const group =
  "[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:text-faint";
export const choiceClass =
  "flex cursor-pointer items-center gap-2 rounded-sm px-2 py-1.5 text-sm data-[selected=true]:bg-accent-wash";

function Choices({
  since,
  without,
  extra,
  choose,
  close,
}: {
  since: string;
  without: readonly Dimension[];
  extra?: (text: string, close: () => void) => ReactNode;
  choose: (name: Dimension, value: string) => void;
  close: () => void;
}) {
  const [text, setText] = useState("");
  return (
    <Command label="Find a filter" loop>
      <Command.Input
        value={text}
        onValueChange={setText}
        placeholder="Type a name…"
        aria-label="Find a filter"
        autoFocus
        className="h-9 w-full border-b bg-transparent px-3 text-sm outline-none placeholder:text-faint"
      />
      <Command.List className="max-h-80 overflow-y-auto p-1" tabIndex={-1}>
        <Command.Empty className="px-2 py-6 text-center text-sm text-faint">
          Nothing of that name was used in this time.
        </Command.Empty>
        {text.trim() !== "" && extra?.(text.trim(), close)}
        {DIMENSION_NAMES.filter((name) => !without.includes(name)).map((name) => (
          <Values key={name} of={name} since={since} few={text === ""} choose={choose} />
        ))}
      </Command.List>
    </Command>
  );
}

function Values({
  of,
  since,
  few,
  choose,
}: {
  of: Dimension;
  since: string;
  few: boolean;
  choose: (name: Dimension, value: string) => void;
}) {
  const names = useNames();
  const found = query.useQuery(
    "get",
    "/api/usage",
    { params: { query: { by: of, since, limit: MOST } } },
    { staleTime: 120_000 },
  );
  const groups = found.data?.groups.filter((one) => one.name !== "") ?? [];
  if (groups.length === 0) return null;
  return (
    <Command.Group heading={DIMENSIONS[of].label} className={group}>
      {groups.slice(0, few ? 4 : MOST).map((one) => (
        <Command.Item
          key={one.name}
          value={`${of}:${one.name}`}
          keywords={[names(of, one.name), DIMENSIONS[of].label]}
          onSelect={() => choose(of, one.name)}
          className={choiceClass}
        >
          <span className="min-w-0 flex-1 truncate">{names(of, one.name)}</span>
          <span data-figures className={cn("shrink-0 text-xs text-faint")}>
            {short(one.usage.requests)}
          </span>
        </Command.Item>
      ))}
    </Command.Group>
  );
}
