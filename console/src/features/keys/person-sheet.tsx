import { Link } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Schema, api } from "@/shared/api/client";
import { type Team, type User, useTeams, useUsers } from "@/shared/books/people";
import { exactMoment } from "@/shared/lib/format";
import type { Scope } from "@/shared/session";
import { Button, buttonClass } from "@/shared/ui/button";
import { Facts } from "@/shared/ui/card";
import { Sheet } from "@/shared/ui/dialog";
import { Field, Input, Select, Switch } from "@/shared/ui/field";
import { EmptyState, ErrorLine, Skeleton } from "@/shared/ui/states";
import { told } from "@/shared/ui/toast";
import { type LimitTexts, limitProblems, limitsOf, textsOf } from "./draft";
import { LimitFields, ScopeFields } from "./fields";
import { useSaving } from "./saving";

type Kind = "user" | "team";
/** Users that there are from the start: who asks an open gateway, and who shows the admin key. */
const HOUSE = ["local", "admin"];
export const NEW = "new";

interface Draft {
  id: string;
  name: string;
  email: string;
  teamId: string;
  scopes: Scope[];
  enabled: boolean;
  limits: LimitTexts;
}

const EMPTY: Draft = {
  id: "",
  name: "",
  email: "",
  teamId: "",
  scopes: ["use", "read"],
  enabled: true,
  limits: {},
};

function draftOf(one: User | Team): Draft {
  const user = "scopes" in one ? one : null;
  return {
    id: one.id,
    name: one.name,
    email: user?.email ?? "",
    teamId: user?.teamId ?? "",
    scopes: (user?.scopes ?? []) as Scope[],
    enabled: one.enabled,
    limits: textsOf(one.limits),
  };
}

/** A user or a team: new, or changed. */
export function PersonSheet({ kind, id, onClose }: { kind: Kind; id: string; onClose: () => void }) {
  const users = useUsers();
  const teams = useTeams();
  const all: readonly (User | Team)[] | undefined = kind === "user" ? users.data?.users : teams.data?.teams;
  const found = all?.find((one) => one.id === id);
  const isNew = id === NEW;
  return (
    <Sheet
      open
      onOpenChange={(open) => !open && onClose()}
      title={isNew ? `Add a ${kind}` : (found?.name ?? words[kind])}
      description={
        isNew
          ? kind === "user"
            ? "Somebody who asks: a person or a program. Give it a key afterwards."
            : "Its members share its costs, its budget and its limits."
          : id
      }
    >
      {isNew ? (
        <Form kind={kind} start={EMPTY} isNew onDone={onClose} />
      ) : found ? (
        <Known kind={kind} one={found} onDone={onClose} />
      ) : all ? (
        <EmptyState title={`There is no such ${kind}`} />
      ) : (
        <Skeleton lines={6} />
      )}
    </Sheet>
  );
}

const words = { user: "User", team: "Team" };

function Known({ kind, one, onDone }: { kind: Kind; one: User | Team; onDone: () => void }) {
  const fixed = kind === "user" && HOUSE.includes(one.id);
  return (
    <div className="flex flex-col gap-5">
      <Facts rows={[["Added", exactMoment(one.createdAt)]]} />
      <div className="flex flex-wrap gap-2">
        <Link
          to="/usage"
          search={{ [kind]: one.id, by: kind === "team" ? "user" : "model" }}
          className={buttonClass("plain", "sm")}
        >
          Usage
        </Link>
        <Link to="/requests" search={{ [kind]: one.id, range: "30d" }} className={buttonClass("plain", "sm")}>
          Requests
        </Link>
        <Link to="/budgets" search={{ new: `${kind}:${one.id}` }} className={buttonClass("plain", "sm")}>
          Set a budget
        </Link>
      </div>
      {fixed ? (
        <p className="text-sm text-soft">
          This user is there from the start and stays as it is:{" "}
          {one.id === "admin"
            ? "who shows the admin key."
            : "who asks a gateway that is open to its own machine."}
        </p>
      ) : (
        <Form key={JSON.stringify(one)} kind={kind} start={draftOf(one)} isNew={false} onDone={onDone} />
      )}
    </div>
  );
}

function Form({
  kind,
  start,
  isNew,
  onDone,
}: {
  kind: Kind;
  start: Draft;
  isNew: boolean;
  onDone: () => void;
}) {
  const client = useQueryClient();
  const teams = useTeams().data?.teams ?? [];
  const [draft, setDraft] = useState(start);
  const set = <K extends keyof Draft>(name: K, value: Draft[K]) => setDraft({ ...draft, [name]: value });
  const wrong = draft.name.trim() === "" || Object.keys(limitProblems(draft.limits)).length > 0;
  const { run, busy, error } = useSaving(async () => {
    const id = isNew ? await add(kind, draft) : await update(kind, draft);
    const limits = limitsOf(draft.limits);
    if (JSON.stringify(limits) !== JSON.stringify(limitsOf(start.limits)))
      await (kind === "user"
        ? api.PUT("/api/limits/users/{user_id}", { params: { path: { user_id: id } }, body: limits })
        : api.PUT("/api/limits/teams/{team_id}", { params: { path: { team_id: id } }, body: limits }));
    await client.invalidateQueries({ queryKey: ["get", kind === "user" ? "/api/users" : "/api/teams"] });
    told(isNew ? `${draft.name} is added.` : "Saved. It holds everywhere within two seconds.");
    if (isNew) onDone();
  });
  return (
    <form
      aria-label={words[kind]}
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) run();
      }}
      className="flex flex-col gap-4"
    >
      <Field label="Name">
        <Input value={draft.name} onChange={(event) => set("name", event.target.value)} maxLength={200} />
      </Field>
      {isNew && (
        <Field label="Id" hint="Short, for reports and settings. Empty: one is made up.">
          <Input value={draft.id} onChange={(event) => set("id", event.target.value)} maxLength={64} />
        </Field>
      )}
      {kind === "user" && (
        <>
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="Email">
              <Input
                type="email"
                value={draft.email}
                onChange={(event) => set("email", event.target.value)}
                placeholder="none"
              />
            </Field>
            <Field label="Team">
              <Select
                value={draft.teamId}
                onValue={(teamId) => set("teamId", teamId)}
                options={[
                  { value: "", label: "None" },
                  ...teams.map((one) => ({ value: one.id, label: one.name })),
                ]}
              />
            </Field>
          </div>
          <ScopeFields value={draft.scopes} onValue={(scopes) => set("scopes", scopes)} />
        </>
      )}
      <LimitFields value={draft.limits} onValue={(limits) => set("limits", limits)} />
      {!isNew && (
        <Switch
          label={kind === "user" ? "May sign in, and its keys work" : "Its members may sign in"}
          checked={draft.enabled}
          onChecked={(enabled) => set("enabled", enabled)}
        />
      )}
      <ErrorLine error={error} />
      <Button
        look="primary"
        type="submit"
        className="self-start"
        busy={busy}
        disabled={wrong || JSON.stringify(draft) === JSON.stringify(start)}
      >
        {isNew ? `Add ${kind}` : "Save changes"}
      </Button>
    </form>
  );
}

async function add(kind: Kind, draft: Draft): Promise<string> {
  const id = draft.id.trim() || null;
  if (kind === "team") {
    const { data } = await api.POST("/api/teams", { body: { name: draft.name.trim(), id } });
    return data!.id;
  }
  const body: Schema["UserForm"] = { ...userOf(draft), id };
  const { data } = await api.POST("/api/users", { body });
  return data!.id;
}

async function update(kind: Kind, draft: Draft): Promise<string> {
  const { enabled } = draft;
  if (kind === "team") {
    const body = { name: draft.name.trim(), enabled };
    await api.PATCH("/api/teams/{team_id}", { params: { path: { team_id: draft.id } }, body });
  } else {
    const body = { ...userOf(draft), enabled };
    await api.PATCH("/api/users/{user_id}", { params: { path: { user_id: draft.id } }, body });
  }
  return draft.id;
}

const userOf = (draft: Draft) => ({
  name: draft.name.trim(),
  email: draft.email.trim() || null,
  teamId: draft.teamId || null,
  scopes: draft.scopes,
});
