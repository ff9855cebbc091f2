import { CircleAlert, Clock, Inbox, type LucideIcon, RotateCw } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { ApiError, messageOf } from "@/shared/api/error";
import { cn } from "@/shared/lib/cn";
import { Button } from "./button";

/** Nothing is there: say why, and what to do next. */
export function EmptyState({
  icon: Icon = Inbox,
  title,
  children,
  action,
  className,
}: {
  icon?: LucideIcon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
}) {
  return (
    <div className={cn("flex flex-col items-center gap-2 px-6 py-10 text-center", className)}>
      <Icon size={22} aria-hidden className="text-faint" />
      <p className="text-sm font-medium">{title}</p>
      {children != null && <div className="max-w-md text-sm text-soft">{children}</div>}
      {action != null && <div className="mt-2 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

/** Something failed: what happened, whether trying again may help, and what finds it in the log. */
export function ErrorState({
  error,
  retry,
  className,
}: {
  error: unknown;
  retry?: () => void;
  className?: string;
}) {
  const known = error instanceof ApiError ? error : null;
  return (
    <div role="alert" className={cn("flex flex-col items-center gap-2 px-6 py-10 text-center", className)}>
      <CircleAlert size={22} aria-hidden className="text-bad" />
      <p className="max-w-lg text-sm">
        {known?.status === 403 ? "You may not see this with your key." : messageOf(error)}
      </p>
      {known && (
        <p className="font-mono text-xs text-faint">
          {known.code}
          {known.requestId !== null && ` · ${known.requestId}`}
        </p>
      )}
      {retry && known?.status !== 403 && (
        <Button icon={RotateCw} size="sm" onClick={retry} className="mt-1">
          Try again
        </Button>
      )}
    </div>
  );
}

/** One line about what failed, beside the button that did it. */
export function ErrorLine({ error }: { error: unknown }) {
  if (error == null) return null;
  return (
    <p role="alert" className="flex items-start gap-1.5 text-sm text-bad">
      <CircleAlert size={15} aria-hidden className="mt-0.5 shrink-0" />
      {messageOf(error)}
    </p>
  );
}

const LIMIT_MS = 10_000;

/** The shape of what will come. After ten seconds it says that something is wrong instead of waiting on. */
export function Skeleton({
  lines = 3,
  className,
  retry,
  limit = LIMIT_MS,
}: {
  lines?: number;
  className?: string;
  retry?: () => void;
  limit?: number;
}) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), limit);
    return () => clearTimeout(timer);
  }, [limit]);
  if (late) {
    return (
      <EmptyState
        icon={Clock}
        title="This takes longer than it should"
        action={
          retry && (
            <Button size="sm" icon={RotateCw} onClick={retry}>
              Try again
            </Button>
          )
        }
      >
        The gateway or its database may be busy. It is still being waited for.
      </EmptyState>
    );
  }
  return (
    <div role="status" aria-label="Loading" className={cn("flex flex-col gap-2.5 px-4 py-4", className)}>
      {Array.from({ length: lines }, (_, line) => (
        <div
          key={line}
          className="h-4 animate-wait rounded-sm bg-sunken"
          style={{ width: `${92 - ((line * 29) % 45)}%` }}
        />
      ))}
    </div>
  );
}

/** What is used of a query: `query.useQuery(…)` is one. */
export interface Asked<T> {
  data: T | undefined;
  error: unknown;
  refetch: () => unknown;
}

/** Show what a query brought: its shape while it is under way, what went wrong, or the thing itself. */
export function Loaded<T>({
  of,
  children,
  lines,
}: {
  of: Asked<T>;
  children: (data: NonNullable<T>) => ReactNode;
  lines?: number;
}) {
  const retry = () => void of.refetch();
  if (of.data != null) return <>{children(of.data)}</>;
  if (of.error != null) return <ErrorState error={of.error} retry={retry} />;
  return <Skeleton lines={lines} retry={retry} />;
}
