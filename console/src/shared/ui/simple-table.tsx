import type { ReactNode } from "react";
import { cn } from "@/shared/lib/cn";

/** A small table that needs neither sorting nor thousands of rows. */
export function SimpleTable({
  label,
  head,
  rows,
  figures = [],
}: {
  label: string;
  head: readonly string[];
  rows: readonly { id: string; cells: readonly ReactNode[] }[];
  figures?: readonly number[];
}) {
  return (
    <div
      tabIndex={0}
      role="region"
      aria-label={label}
      className="overflow-x-auto focus-visible:-outline-offset-2"
    >
      <table className="w-full text-sm">
        <thead>
          <tr>
            {head.map((name, at) => (
              <th
                key={name}
                scope="col"
                className={cn(
                  "h-8 border-b px-2 text-left text-xs font-medium whitespace-nowrap text-soft first:pl-4 last:pr-4",
                  figures.includes(at) && "text-right",
                )}
              >
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="[&>tr:last-child>td]:border-b-0">
          {rows.map((row) => (
            <tr key={row.id}>
              {row.cells.map((cell, at) => (
                <td
                  key={at}
                  className={cn(
                    "h-9 border-b px-2 first:pl-4 last:pr-4",
                    figures.includes(at) && "text-right whitespace-nowrap",
                  )}
                >
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
