import { useQueryClient } from "@tanstack/react-query";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { query } from "@/shared/api/client";
import { useMay } from "@/shared/session";
import { Button } from "@/shared/ui/button";
import { Confirm } from "@/shared/ui/dialog";
import { Field, Input, Textarea } from "@/shared/ui/field";
import { FormDialog } from "@/shared/ui/form-dialog";
import { told } from "@/shared/ui/toast";
import { type Added, draftOf, modelsOf, problemIn } from "./adding";

const LIST = "/api/llm-providers/providers";

/** Providers that were added while the gateway ran; for admins alone. */
function useAdded() {
  const can = useMay();
  return query.useQuery("get", LIST, {}, { enabled: can("admin") });
}

function useAgain() {
  const client = useQueryClient();
  return () => {
    for (const path of [LIST, "/api/llm-providers/status", "/api/models", "/api/settings"])
      void client.invalidateQueries({ queryKey: ["get", path] });
  };
}

/** Change and delete, for a provider that was added here. */
export function AddedActions({ id }: { id: string }) {
  const added = useAdded().data?.providers.find((one) => one.id === id);
  const again = useAgain();
  const [changing, setChanging] = useState(false);
  const [dropping, setDropping] = useState(false);
  const removing = query.useMutation("delete", "/api/llm-providers/providers/{provider_id}", {
    onSuccess: () => {
      again();
      setDropping(false);
      told(`${added?.name ?? id} is deleted.`);
    },
  });
  if (!added) return null;
  return (
    <>
      <Button size="sm" icon={Pencil} onClick={() => setChanging(true)}>
        Change
      </Button>
      <Button size="sm" look="danger" icon={Trash2} onClick={() => setDropping(true)}>
        Delete
      </Button>
      {changing && <ProviderForm before={added} onClose={() => setChanging(false)} />}
      <Confirm
        open={dropping}
        onOpenChange={setDropping}
        title={`Delete ${added.name}?`}
        consequence="Requests that name it are refused from then on, and its key is deleted. What it answered stays in the books."
        action="Delete provider"
        busy={removing.isPending}
        onConfirm={() => removing.mutate({ params: { path: { provider_id: id } } })}
      />
    </>
  );
}

/** Add a server that speaks OpenAI's API, for everybody, or change one. */
export function ProviderForm({
  before,
  onClose,
  onAdded,
}: {
  before?: Added;
  onClose: () => void;
  onAdded?: (id: string) => void;
}) {
  const again = useAgain();
  const [draft, setDraft] = useState(() => draftOf(before));
  const set = (change: Partial<typeof draft>) => setDraft((now) => ({ ...now, ...change }));
  const done = (what: string) => {
    again();
    told(what);
    onClose();
  };
  const adding = query.useMutation("post", LIST, {
    meta: { quiet: true },
    onSuccess: (made) => {
      done(`${made.name} is added and can be asked.`);
      onAdded?.(made.id);
    },
  });
  const changing = query.useMutation("patch", "/api/llm-providers/providers/{provider_id}", {
    meta: { quiet: true },
    onSuccess: (made) => done(`${made.name} is changed.`),
  });
  const problem = problemIn(draft);
  const save = () => {
    const said = {
      baseUrl: draft.baseUrl,
      ...(draft.name === "" ? {} : { name: draft.name }),
      ...(draft.apiKey === "" ? {} : { apiKey: draft.apiKey }),
      models: modelsOf(draft, before),
    };
    const defaultModel = draft.defaultModel === "" ? null : draft.defaultModel;
    if (before)
      changing.mutate({ params: { path: { provider_id: before.id } }, body: { ...said, defaultModel } });
    else adding.mutate({ body: { id: draft.id, ...said, defaultModel } });
  };
  return (
    <FormDialog
      title={before ? `Change ${before.name}` : "Add a provider"}
      description="A server that speaks OpenAI's API, for everybody who may ask this gateway."
      action={before ? "Save" : "Add provider"}
      busy={adding.isPending || changing.isPending}
      disabled={problem !== null}
      error={adding.error ?? changing.error}
      onSend={save}
      onClose={onClose}
    >
      <div className="grid gap-3 sm:grid-cols-2">
        <Field
          label="Id"
          hint="Models are asked as <id>/<model>"
          error={problem === "id" ? "Lower case letters, digits, - and _ only." : undefined}
        >
          <Input
            required
            disabled={before !== undefined}
            value={draft.id}
            onChange={(event) => set({ id: event.target.value })}
            className="font-mono"
          />
        </Field>
        <Field label="Name" hint="Optional">
          <Input value={draft.name} onChange={(event) => set({ name: event.target.value })} />
        </Field>
      </div>
      <Field
        label="Address"
        hint={before ? "Changing it drops the key." : "https://host/v1"}
        error={problem === "address" ? "An address begins with https:// or http://." : undefined}
      >
        <Input
          type="url"
          required
          value={draft.baseUrl}
          onChange={(event) => set({ baseUrl: event.target.value })}
          className="font-mono"
        />
      </Field>
      <Field
        label="Key"
        hint={
          before?.apiKey != null
            ? `Kept: ${before.apiKey}. Leave empty to keep it.`
            : "Kept encrypted, never shown; optional where the server wants none"
        }
      >
        <Input
          type="password"
          autoComplete="off"
          value={draft.apiKey}
          onChange={(event) => set({ apiKey: event.target.value })}
          className="font-mono"
        />
      </Field>
      <Field label="Models" hint="One a line, as the server calls them; a test finds the others">
        <Textarea
          rows={3}
          spellCheck={false}
          value={draft.models}
          onChange={(event) => set({ models: event.target.value })}
          className="font-mono text-xs"
        />
      </Field>
      <Field label="Default model" hint="Answers where a request names the provider alone">
        <Input
          value={draft.defaultModel}
          onChange={(event) => set({ defaultModel: event.target.value })}
          className="font-mono"
        />
      </Field>
    </FormDialog>
  );
}
