import { Plus } from "lucide-react";
import { query } from "@/shared/api/client";
import { useAddress } from "@/shared/lib/url";
import { useMay } from "@/shared/session";
import { Button } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { Page } from "@/shared/ui/page";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { BudgetForm } from "./form";
import { OwnLimits, WrittenLimits } from "./limits";
import { BudgetList } from "./list";

export default function BudgetsPage() {
  const can = useMay();
  const [search, change] = useAddress();
  const budgets = query.useQuery("get", "/api/budgets", {}, { refetchInterval: 15_000 });
  const make = can("admin") && (
    <Button look="primary" icon={Plus} onClick={() => change({ new: "global" })}>
      Create budget
    </Button>
  );
  const changed = budgets.data?.budgets.find((one) => one.id === search.budget);
  return (
    <Page title="Budgets and limits" actions={make}>
      <Loaded of={budgets} lines={6}>
        {(data) =>
          data.budgets.length === 0 ? (
            <Card>
              <EmptyState title="Nothing limits spending yet" action={make}>
                {can("admin")
                  ? "A budget says what may be spent in a day, a week or a month, and refuses or warns beyond it."
                  : "Nobody has set a budget for your key, you or your team."}
              </EmptyState>
            </Card>
          ) : (
            <BudgetList
              budgets={data.budgets}
              now={budgets.dataUpdatedAt}
              onEdit={(budget) => change({ budget })}
            />
          )
        }
      </Loaded>
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <OwnLimits />
        {can("admin") && <WrittenLimits />}
      </div>
      {can("admin") && search.new !== undefined && (
        <BudgetForm start={search.new} onClose={() => change({ new: undefined })} />
      )}
      {can("admin") && changed?.source === "api" && (
        <BudgetForm key={changed.id} budget={changed} onClose={() => change({ budget: undefined })} />
      )}
    </Page>
  );
}
