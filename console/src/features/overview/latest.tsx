import { Link } from "@tanstack/react-router";
import type { Schema } from "@/shared/api/client";
import { count, duration, money, relative } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { Card } from "@/shared/ui/card";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { LATEST, useLatest } from "./asked";

/** Requests as they end; those before this page was opened are read once. */
export function Latest({ fresh }: { fresh: readonly Schema["RequestView"][] }) {
  const before = useLatest();
  return (
    <Card
      title="Latest requests"
      flush
      actions={
        <Link to="/requests" className="text-xs text-accent hover:underline">
          All requests
        </Link>
      }
    >
      <Loaded of={before} lines={8}>
        {(data) => {
          const seen = new Set<string>();
          const rows = [...fresh, ...data.requests]
            .filter((one) => !seen.has(one.id) && seen.add(one.id))
            .slice(0, LATEST);
          if (rows.length === 0)
            return (
              <EmptyState title="Nobody has asked anything yet">
                Try it in the playground, or point a program at /v1.
              </EmptyState>
            );
          return (
            <ol className="divide-y pt-1">
              {rows.map((one) => (
                <Row key={one.id} request={one} />
              ))}
            </ol>
          );
        }}
      </Loaded>
    </Card>
  );
}

function Row({ request }: { request: Schema["RequestView"] }) {
  const bad = request.status === "error" || request.status === "lost";
  return (
    <li>
      <Link
        to="/requests"
        search={{ request: request.id }}
        className="grid grid-cols-[auto_1fr_auto] items-center gap-x-2.5 px-4 py-1.25 text-xs hover:bg-sunken focus-visible:-outline-offset-2"
      >
        <span
          aria-hidden
          className={cn(
            "size-1.5 rounded-full",
            bad ? "bg-bad" : request.status === "cancelled" ? "bg-warn" : "bg-good",
          )}
        />
        <span className="truncate">
          {request.provider}/{request.model}{" "}
          <span className={cn("ml-2", bad ? "text-bad" : "text-faint")}>
            {bad ? (request.error ?? request.status) : request.user}
          </span>
        </span>
        <span data-figures className="whitespace-nowrap text-soft">
          {bad
            ? duration(request.durationMs)
            : `${count(request.inputTokens + request.outputTokens)} tok · ${money(request.cost)} · ${duration(request.durationMs)}`}
          <span className="ml-2 inline-block w-16 text-right text-faint">{relative(request.at)}</span>
        </span>
      </Link>
    </li>
  );
}
