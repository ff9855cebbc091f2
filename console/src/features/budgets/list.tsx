import { Link } from "@tanstack/react-router";
import { BarChart3, Ellipsis, Pencil, Trash2 } from "lucide-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { query } from "@/shared/api/client";
import { useNames } from "@/shared/books/people";
import { money, percent } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { useMay } from "@/shared/session";
import { Badge } from "@/shared/ui/badge";
import { IconButton } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { Confirm } from "@/shared/ui/dialog";
import { Menu } from "@/shared/ui/menu";
import { told } from "@/shared/ui/toast";
import { type Budget, PERIODS, SCOPES, standing, urgentFirst } from "./pace";

/** Budgets as bars: what is spent, what is left, and where that leads. */
export function BudgetList({
  budgets,
  now,
  onEdit,
}: {
  budgets: readonly Budget[];
  now: number;
  onEdit: (id: string) => void;
}) {
  return (
    <Card title="Budgets" note="the mark in a bar is today" flush>
      <ul className="mt-1 divide-y border-t">
        {urgentFirst(budgets, now).map((budget) => (
          <Row key={budget.id} budget={budget} now={now} onEdit={onEdit} />
        ))}
      </ul>
    </Card>
  );
}

function Row({ budget, now, onEdit }: { budget: Budget; now: number; onEdit: (id: string) => void }) {
  const names = useNames();
  const can = useMay();
  const stands = standing(budget, now);
  const whose =
    budget.scope === "global"
      ? SCOPES.global
      : `${SCOPES[budget.scope as keyof typeof SCOPES]} ${names(budget.scope, budget.target)}`;
  const search = budget.scope === "global" ? {} : { [budget.scope]: budget.target };
  return (
    <li
      aria-label={budget.name || whose}
      className="grid grid-cols-[1fr_auto] items-center gap-x-4 gap-y-2 px-4 py-3 lg:grid-cols-[14rem_minmax(0,1fr)_19rem_2rem]"
    >
      <div className="min-w-0">
        <Link to="/usage" search={search} className="block truncate text-sm font-medium hover:underline">
          {budget.name || whose}
        </Link>
        <p className="flex flex-wrap items-center gap-x-2 text-xs text-faint">
          {budget.name && budget.name !== whose ? whose : null}
          {!budget.hard && <Badge>only warns</Badge>}
          {budget.source === "file" && <Badge>settings file</Badge>}
        </p>
      </div>
      <div className="col-span-2 min-w-0 lg:col-span-1">
        <p data-figures className="mb-1 flex flex-wrap justify-between gap-x-3 text-sm">
          <span>
            <span className="font-medium">{money(budget.spent)}</span>
            <span className="text-soft">
              {" "}
              of {money(budget.amount)} {PERIODS[budget.period as keyof typeof PERIODS]}
            </span>
          </span>
          <span className="text-soft">{money(budget.left)} left</span>
        </p>
        <Bar budget={budget} now={now} />
      </div>
      <p
        className={cn(
          "col-span-2 text-xs lg:col-span-1",
          stands.tone === "bad" ? "text-bad" : stands.tone === "warn" ? "text-warn" : "text-soft",
        )}
      >
        {stands.text}
        {budget.unknown > 0 && (
          <span className="block text-faint">{money(budget.unknown)} of it for requests of unknown cost</span>
        )}
      </p>
      <div className="col-start-2 row-start-1 lg:col-start-4">
        {can("admin") && budget.source === "api" && (
          <Actions budget={budget} search={search} onEdit={onEdit} />
        )}
      </div>
    </li>
  );
}

function Bar({ budget, now }: { budget: Budget; now: number }) {
  const { tone, part, elapsed } = standing(budget, now);
  const colour = {
    bad: "bg-bad",
    warn: "bg-warn",
    good: "bg-accent",
    neutral: "bg-accent",
    accent: "bg-accent",
  }[tone];
  return (
    <div className="relative py-1">
      <div
        role="meter"
        aria-label={`${percent(part)} spent`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.min(100, Math.round(part * 100))}
        className="relative h-2 overflow-hidden rounded-full bg-sunken"
      >
        <div className={cn("h-full rounded-full", colour)} style={{ width: `${Math.min(1, part) * 100}%` }} />
        {budget.warnAt.map((at) => (
          <span key={at} className="absolute inset-y-0 w-px bg-edge" style={{ left: `${at * 100}%` }} />
        ))}
      </div>
      {elapsed !== null && (
        <span
          aria-hidden
          className="absolute inset-y-0 w-0.5 rounded-full bg-ink"
          style={{ left: `calc(${elapsed * 100}% - 1px)` }}
        />
      )}
    </div>
  );
}

function Actions({
  budget,
  search,
  onEdit,
}: {
  budget: Budget;
  search: Record<string, string>;
  onEdit: (id: string) => void;
}) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asks, setAsks] = useState(false);
  const drop = query.useMutation("delete", "/api/budgets/{budget_id}", {
    onSuccess: async () => {
      setAsks(false);
      told("The budget is deleted.");
      await client.invalidateQueries({ queryKey: ["get", "/api/budgets"] });
    },
  });
  return (
    <>
      <Menu
        trigger={<IconButton icon={Ellipsis} label={`More about ${budget.name || "this budget"}`} />}
        actions={[
          { label: "Change", icon: Pencil, onSelect: () => onEdit(budget.id) },
          {
            label: "What it was spent on",
            icon: BarChart3,
            onSelect: () => void navigate({ to: "/usage", search }),
          },
          null,
          { label: "Delete", icon: Trash2, danger: true, onSelect: () => setAsks(true) },
        ]}
      />
      <Confirm
        open={asks}
        onOpenChange={setAsks}
        title={`Delete the budget${budget.name ? ` “${budget.name}”` : ""}?`}
        consequence="Nothing of it limits spending any more. What was spent stays in the books."
        action="Delete budget"
        busy={drop.isPending}
        onConfirm={() => drop.mutate({ params: { path: { budget_id: budget.id } } })}
      />
    </>
  );
}
