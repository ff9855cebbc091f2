import { useModels } from "@/shared/llm/useModels";
import { useLLM } from "@/shared/llm/LLMContext";
import { useTeams, useUsers } from "@/shared/books/people";
import { type Scope, useMay } from "@/shared/session";
import { exactMoment } from "@/shared/lib/format";
import { Checkbox, Field, Input, Select } from "@/shared/ui/field";
import { TokensInput } from "@/shared/ui/tokens";
import { type Draft, EXPIRIES, LIMITS, LIMIT_NAMES, type LimitTexts, SCOPES, limitProblems } from "./draft";

/** The form of a key, new or there already. */
export function KeyFields({
  draft,
  onDraft,
  isNew,
}: {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  isNew: boolean;
}) {
  const can = useMay();
  const users = useUsers().data?.users ?? [];
  const teams = useTeams().data?.teams ?? [];
  const models = useModels().data ?? [];
  const { providers } = useLLM();
  const set = <K extends keyof Draft>(name: K, value: Draft[K]) => onDraft({ ...draft, [name]: value });
  const expiries = EXPIRIES.some((one) => one.value === draft.expires)
    ? EXPIRIES
    : [{ value: draft.expires, label: exactMoment(draft.expires) }, ...EXPIRIES];
  return (
    <div className="flex flex-col gap-4">
      <Field label="Name" hint="What uses it: “nightly summaries”, “Ann's laptop”.">
        <Input
          value={draft.name}
          onChange={(event) => set("name", event.target.value)}
          required
          maxLength={200}
          autoComplete="off"
        />
      </Field>
      {can("admin") && (
        <div className="grid gap-4 sm:grid-cols-2">
          {isNew && (
            <Field label="User" hint="Whose it is to be.">
              <Select
                value={draft.userId}
                onValue={(userId) => set("userId", userId)}
                options={[
                  { value: "", label: "Yourself" },
                  ...users.map((one) => ({ value: one.id, label: `${one.name} (${one.id})` })),
                ]}
              />
            </Field>
          )}
          <Field label="Team" hint="Its costs count there.">
            <Select
              value={draft.teamId}
              onValue={(teamId) => set("teamId", teamId)}
              options={[
                { value: "", label: isNew ? "The user's" : "None" },
                ...teams.map((one) => ({ value: one.id, label: one.name })),
              ]}
            />
          </Field>
        </div>
      )}
      <ScopeFields value={draft.scopes} onValue={(scopes) => set("scopes", scopes)} />
      <Field label="Models" hint="Ids, aliases, or all of a provider as openai/*. Empty: all.">
        <TokensInput
          value={draft.models}
          onValue={(names) => set("models", names)}
          suggestions={models.filter((one) => one.available).map((one) => one.fullId)}
          placeholder="All models"
        />
      </Field>
      <Field label="Providers" hint="The only ones that may answer. Empty: all.">
        <TokensInput
          value={draft.providers}
          onValue={(names) => set("providers", names)}
          suggestions={providers.filter((one) => one.available).map((one) => one.id)}
          placeholder="All providers"
        />
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Tags" hint="Go onto every request in the books.">
          <TokensInput value={draft.tags} onValue={(tags) => set("tags", tags)} placeholder="None" />
        </Field>
        <Field label="Expires">
          <Select value={draft.expires} onValue={(expires) => set("expires", expires)} options={expiries} />
        </Field>
      </div>
      <LimitFields value={draft.limits} onValue={(limits) => set("limits", limits)} />
    </div>
  );
}

export function ScopeFields({ value, onValue }: { value: Scope[]; onValue: (value: Scope[]) => void }) {
  const can = useMay();
  return (
    <fieldset>
      <legend className="text-sm font-medium">May</legend>
      <div className="mt-1 flex flex-col gap-1.5">
        {SCOPES.map((scope) => (
          <Checkbox
            key={scope.value}
            label={`${scope.label}: ${scope.hint}`}
            checked={value.includes(scope.value)}
            disabled={!can(scope.value) && !value.includes(scope.value)}
            onChecked={(on) =>
              onValue(
                SCOPES.map((one) => one.value).filter((name) =>
                  name === scope.value ? on : value.includes(name),
                ),
              )
            }
          />
        ))}
      </div>
    </fieldset>
  );
}

export function LimitFields({ value, onValue }: { value: LimitTexts; onValue: (value: LimitTexts) => void }) {
  const problems = limitProblems(value);
  return (
    <fieldset>
      <legend className="text-sm font-medium">At most</legend>
      <p className="text-xs text-faint">Empty is no limit. Days begin at midnight, UTC.</p>
      <div className="mt-2 grid gap-x-4 gap-y-3 sm:grid-cols-2">
        {LIMIT_NAMES.map((name) => (
          <Field key={name} label={LIMITS[name].label} error={problems[name]}>
            <Input
              inputMode="numeric"
              value={value[name] ?? ""}
              onChange={(event) => onValue({ ...value, [name]: event.target.value })}
              data-figures
              placeholder="no limit"
            />
          </Field>
        ))}
      </div>
    </fieldset>
  );
}
