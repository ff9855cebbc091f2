import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { query } from "@/shared/api/client";
import { useKeys, useTeams, useUsers } from "@/shared/books/people";
import { useLLM } from "@/shared/llm/LLMContext";
import { useModels } from "@/shared/llm/useModels";
import { Combobox, type Item } from "@/shared/ui/combobox";
import { Field, Input, Select, Switch } from "@/shared/ui/field";
import { FormDialog } from "@/shared/ui/form-dialog";
import { told } from "@/shared/ui/toast";
import { type Draft, bodyOf, changesOf, draftOf, problems } from "./draft";
import { type Budget, type BudgetScope, SCOPES } from "./pace";

/** Make a budget, or change one. `start` says whose it is to be, as `user:ann`. */
export function BudgetForm({
  budget,
  start,
  onClose,
}: {
  budget?: Budget;
  start?: string;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [draft, setDraft] = useState(() => draftOf(budget, start));
  const set = <K extends keyof Draft>(name: K, value: Draft[K]) => setDraft({ ...draft, [name]: value });
  const done = async () => {
    told(
      budget ? "Saved. It holds everywhere within two seconds." : "It holds everywhere within two seconds.",
    );
    await client.invalidateQueries({ queryKey: ["get", "/api/budgets"] });
    onClose();
  };
  const create = query.useMutation("post", "/api/budgets", { meta: { quiet: true }, onSuccess: done });
  const update = query.useMutation("patch", "/api/budgets/{budget_id}", {
    meta: { quiet: true },
    onSuccess: done,
  });
  const wrong = problems(draft);
  const ready =
    Object.keys(wrong).length === 0 && draft.amount !== "" && (draft.scope === "global" || draft.target);
  const submit = () => {
    if (budget) update.mutate({ params: { path: { budget_id: budget.id } }, body: changesOf(draft) });
    else create.mutate({ body: bodyOf(draft) });
  };
  return (
    <FormDialog
      title={budget ? "Change the budget" : "Create a budget"}
      description={
        budget
          ? "What was spent of it in its period stays spent."
          : "It begins with what was spent in its period already."
      }
      action={budget ? "Save changes" : "Create budget"}
      busy={create.isPending || update.isPending}
      disabled={!ready}
      error={create.error ?? update.error}
      onSend={submit}
      onClose={onClose}
    >
      {!budget && (
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="For">
            <Select<BudgetScope>
              value={draft.scope}
              onValue={(scope) => setDraft({ ...draft, scope, target: "" })}
              options={Object.entries(SCOPES).map(([value, label]) => ({
                value: value as BudgetScope,
                label,
              }))}
            />
          </Field>
          {draft.scope !== "global" && (
            <Field label={SCOPES[draft.scope]}>
              <Target scope={draft.scope} value={draft.target} onValue={(target) => set("target", target)} />
            </Field>
          )}
        </div>
      )}
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Amount in USD" error={wrong.amount}>
          <Input
            inputMode="decimal"
            value={draft.amount}
            onChange={(event) => set("amount", event.target.value)}
            placeholder="50"
            data-figures
          />
        </Field>
        {!budget && (
          <Field label="In">
            <Select
              value={draft.period}
              onValue={(period) => set("period", period)}
              options={[
                { value: "day", label: "each day" },
                { value: "week", label: "each week" },
                { value: "month", label: "each month" },
                { value: "total", label: "all, once" },
              ]}
            />
          </Field>
        )}
      </div>
      <Field label="Name" hint="What people call it. Empty: whose it is.">
        <Input value={draft.name} onChange={(event) => set("name", event.target.value)} maxLength={200} />
      </Field>
      <Switch
        label="Refuse requests beyond it"
        checked={draft.hard}
        onChecked={(hard) => set("hard", hard)}
      />
      <Field label="Warn at" error={wrong.warnAt} hint="Percent of it, with commas between them.">
        <Input value={draft.warnAt} onChange={(event) => set("warnAt", event.target.value)} data-figures />
      </Field>
    </FormDialog>
  );
}

function Target({
  scope,
  value,
  onValue,
}: {
  scope: Exclude<BudgetScope, "global">;
  value: string;
  onValue: (value: string) => void;
}) {
  const users = useUsers().data?.users;
  const teams = useTeams().data?.teams;
  const keys = useKeys().data?.keys;
  const models = useModels().data;
  const { providers } = useLLM();
  const items: Record<typeof scope, Item[]> = {
    user: users?.map((one) => ({ value: one.id, label: one.name, detail: one.id })) ?? [],
    team: teams?.map((one) => ({ value: one.id, label: one.name })) ?? [],
    key: keys?.map((one) => ({ value: one.id, label: one.name, detail: `${one.prefix}…` })) ?? [],
    provider: providers.map((one) => ({ value: one.id, label: one.name })),
    model:
      models?.filter((one) => one.available).map((one) => ({ value: one.fullId, label: one.fullId })) ?? [],
  };
  return <Combobox label={SCOPES[scope]} value={value} onValue={onValue} items={items[scope]} />;
}
