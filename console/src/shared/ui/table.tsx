import {
  type ColumnDef,
  type Row,
  type RowData,
  type SortingState,
  flexRender,
  getCoreRowModel,
  getSortedRowModel,
  useReactTable,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { type KeyboardEvent, type ReactNode, memo, useCallback, useEffect, useRef, useState } from "react";
import { cn } from "@/shared/lib/cn";
import { useParam } from "@/shared/lib/url";

declare module "@tanstack/react-table" {
  // The names of the parameters must be those of the library.
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface ColumnMeta<TData extends RowData, TValue> {
    /** Figures: at the right, in digits of one width. */
    figures?: boolean;
    /** Left out where the table is narrow. */
    wide?: boolean;
    /** Takes the room that is left. */
    grow?: boolean;
  }
}

/** A column: `id`, `header`, `accessorFn` to sort by, `cell` to show; `size` is pixels. */
export type Column<T> = ColumnDef<T>;

const ROW = 38;
const NARROW = 760;
const CELL = "truncate border-b px-2 first:pl-4 last:pr-4";

interface Props<T> {
  label: string;
  rows: readonly T[];
  columns: Column<T>[];
  id: (row: T) => string;
  /** What pressing a row opens; Enter does the same. */
  onOpen?: (row: T) => void;
  /** The row that is open. */
  open?: string;
  /** The column it is sorted by at first, "-cost" for the largest first. */
  sort?: string;
  /** The name under which the sort stands in the address. */
  sortParam?: string;
  /** Pixels; more rows than fit scroll inside and only those seen are made. */
  height?: number | string;
  /** What stands instead of rows where there are none. */
  empty?: ReactNode;
  /** Called when the last row comes near, to bring the next page. */
  onEnd?: () => void;
}

/** A table that sorts, is walked with the arrow keys, and draws only the rows that are seen. */
export function DataTable<T>({
  label,
  rows,
  columns,
  id,
  onOpen,
  open,
  sort = "",
  sortParam = "sort",
  height = "70vh",
  empty,
  onEnd,
}: Props<T>) {
  const [order, setOrder] = useParam(sortParam, sort);
  const sorting: SortingState =
    order === "" ? [] : [{ id: order.replace(/^-/, ""), desc: order.startsWith("-") }];
  const scroller = useRef<HTMLDivElement>(null);
  const narrow = useNarrow(scroller, rows.length === 0);
  const columnVisibility = Object.fromEntries(
    columns.map((column) => [column.id ?? "", !(narrow && column.meta?.wide)]),
  );
  // eslint-disable-next-line react-hooks/incompatible-library -- the table is made anew with each render, as its authors mean it
  const table = useReactTable({
    data: rows as T[],
    columns,
    getRowId: id,
    state: { sorting, columnVisibility },
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
    onSortingChange: (change) => {
      const [first] = typeof change === "function" ? change(sorting) : change;
      setOrder(first ? `${first.desc ? "-" : ""}${first.id}` : "");
    },
    enableSortingRemoval: false,
    // There are no pages; and going back to the first one with each new list of rows would go on for ever.
    autoResetPageIndex: false,
  });
  const shown = table.getRowModel().rows;
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
    // Rows may come with the next frame: drawing them within the event of scrolling would hold it up.
    useFlushSync: false,
    initialRect: { width: 1000, height: 700 },
    onChange: (one) => {
      const last = one.getVirtualItems().at(-1);
      if (onEnd && last && last.index >= shown.length - 5) onEnd();
    },
  });
  const items = virtual.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);

  // The row to go to may only be drawn when the table has been scrolled to it.
  const sought = useRef<number | null>(null);
  const find = () => {
    const row = scroller.current?.querySelector<HTMLElement>(`[data-index="${sought.current}"]`);
    if (!row) return;
    sought.current = null;
    row.focus();
  };
  useEffect(() => {
    if (sought.current !== null) find();
  });

  const walk = (event: KeyboardEvent<HTMLTableRowElement>, row: Row<T>, at: number) => {
    const step = {
      ArrowDown: 1,
      ArrowUp: -1,
      Home: -shown.length,
      End: shown.length,
      PageDown: 12,
      PageUp: -12,
    }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const to = Math.max(0, Math.min(shown.length - 1, at + step));
      sought.current = to;
      virtual.scrollToIndex(to);
      find();
    } else if (event.key === "Enter" && onOpen && event.target === event.currentTarget) {
      onOpen(row.original);
    }
  };

  // Rows are told of what never changes, so that scrolling draws those anew that come, and not those that stay.
  const latest = useRef({ walk, onOpen });
  useEffect(() => {
    latest.current = { walk, onOpen };
  });
  const opened = useCallback((row: Row<T>) => latest.current.onOpen?.(row.original), []);
  const walked = useCallback(
    (event: KeyboardEvent<HTMLTableRowElement>, row: Row<T>, at: number) =>
      latest.current.walk(event, row, at),
    [],
  );

  if (rows.length === 0) return <>{empty}</>;
  return (
    <div
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label={label}
      className="overflow-auto focus-visible:-outline-offset-2"
      style={{ maxHeight: height }}
    >
      <table
        aria-rowcount={rows.length}
        className="w-full table-fixed border-separate border-spacing-0 text-sm"
      >
        <colgroup>
          {table.getVisibleLeafColumns().map((column) => (
            <col
              key={column.id}
              style={column.columnDef.meta?.grow ? undefined : { width: column.getSize() }}
            />
          ))}
        </colgroup>
        <thead>
          <tr>
            {table.getFlatHeaders().map((header) => {
              const sorted = header.column.getIsSorted();
              const meta = header.column.columnDef.meta;
              const can = header.column.getCanSort();
              const text = flexRender(header.column.columnDef.header, header.getContext());
              return (
                <th
                  key={header.id}
                  scope="col"
                  aria-sort={sorted ? (sorted === "desc" ? "descending" : "ascending") : undefined}
                  className={cn(
                    "sticky top-0 z-10 h-8 border-b bg-panel px-2 text-left text-xs font-medium text-soft first:pl-4 last:pr-4",
                    meta?.figures && "text-right",
                  )}
                >
                  {can ? (
                    <button
                      type="button"
                      onClick={header.column.getToggleSortingHandler()}
                      className={cn(
                        "inline-flex max-w-full items-center gap-1 rounded-sm hover:text-ink",
                        meta?.figures && "flex-row-reverse",
                        sorted && "text-ink",
                      )}
                    >
                      <span className="truncate">{text}</span>
                      {sorted === "desc" && <ArrowDown size={12} aria-hidden />}
                      {sorted === "asc" && <ArrowUp size={12} aria-hidden />}
                    </button>
                  ) : (
                    text
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {above > 0 && (
            <tr aria-hidden>
              <td style={{ height: above }} className="p-0" />
            </tr>
          )}
          {items.map((item) => {
            const row = shown[item.index]!;
            return (
              <BodyRow
                key={row.id}
                row={row}
                at={item.index}
                columns={columns}
                narrow={narrow}
                isOpen={open === undefined ? undefined : row.id === open}
                isLast={item.index === shown.length - 1}
                onOpen={onOpen && opened}
                onKey={walked}
              />
            );
          })}
          {below > 0 && (
            <tr aria-hidden>
              <td style={{ height: below }} className="p-0" />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps<T> {
  row: Row<T>;
  /** Its place among all rows. */
  at: number;
  /** What its cells are made by; like `narrow` here for the sake of being drawn anew when they change. */
  columns: Column<T>[];
  narrow: boolean;
  isOpen: boolean | undefined;
  isLast: boolean;
  onOpen: ((row: Row<T>) => void) | undefined;
  onKey: (event: KeyboardEvent<HTMLTableRowElement>, row: Row<T>, at: number) => void;
}

const BodyRow = memo(function BodyRow<T>({ row, at, isOpen, isLast, onOpen, onKey }: RowProps<T>) {
  return (
    <tr
      data-index={at}
      aria-rowindex={at + 1}
      tabIndex={onOpen ? 0 : undefined}
      onKeyDown={(event) => onKey(event, row, at)}
      onClick={onOpen && (() => onOpen(row))}
      aria-selected={isOpen}
      className={cn(
        "focus-visible:-outline-offset-2",
        onOpen && "cursor-pointer hover:bg-sunken",
        isOpen && "bg-accent-wash",
        isLast && "[&>td]:border-b-0",
      )}
      style={{ height: ROW }}
    >
      {row.getVisibleCells().map((cell) => (
        <td key={cell.id} className={cell.column.columnDef.meta?.figures ? `${CELL} text-right` : CELL}>
          {flexRender(cell.column.columnDef.cell, cell.getContext())}
        </td>
      ))}
    </tr>
  );
}) as <T>(props: RowProps<T>) => ReactNode;

/** Tell whether an element has too little room for all columns. */
function useNarrow(of: { readonly current: HTMLElement | null }, absent: boolean): boolean {
  const [narrow, setNarrow] = useState(() => window.innerWidth < NARROW);
  useEffect(() => {
    const element = of.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(([entry]) =>
      setNarrow((entry?.contentRect.width ?? NARROW) < NARROW),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [of, absent]);
  return narrow;
}
