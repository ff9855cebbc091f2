import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Schema, query } from "@/shared/api/client";
import { useLLM } from "@/shared/llm/LLMContext";
import { Field, Input, Select, Switch } from "@/shared/ui/field";
import { FormDialog } from "@/shared/ui/form-dialog";
import { told } from "@/shared/ui/toast";
import { type Draft, bodyOf, draftOf, problemIn } from "./own";

/** Add a model of one's own, or change one: where it is, its key, how it is asked and what it costs. */
export function ModelConfig({ model, onClose }: { model?: Schema["OwnModelView"]; onClose: () => void }) {
  const client = useQueryClient();
  const { providers } = useLLM();
  const [draft, setDraft] = useState<Draft>(() => draftOf(model));
  const set = (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change }));
  const done = (what: string) => {
    void client.invalidateQueries({ queryKey: ["get", "/api/models/own"] });
    void client.invalidateQueries({ queryKey: ["get", "/api/models"] });
    told(what);
    onClose();
  };
  const adding = query.useMutation("post", "/api/models", {
    meta: { quiet: true },
    onSuccess: () => done(`${draft.name} was added.`),
  });
  const changing = query.useMutation("patch", "/api/models/{model_id}", {
    meta: { quiet: true },
    onSuccess: () => done(`${draft.name} was changed.`),
  });
  const problem = problemIn(draft);
  const save = () => {
    const { provider, ...rest } = bodyOf(draft);
    if (model) changing.mutate({ params: { path: { model_id: model.id } }, body: rest });
    else adding.mutate({ body: { provider, ...rest } });
  };
  const number = (
    label: string,
    name: "temperature" | "maxTokens" | "contextWindow" | "inputCost" | "outputCost",
    hint?: string,
  ) => (
    <Field label={label} hint={hint}>
      <Input
        type="number"
        min={0}
        step="any"
        value={draft[name]}
        onChange={(event) => set({ [name]: event.target.value })}
      />
    </Field>
  );
  return (
    <FormDialog
      title={model ? `Change ${model.name}` : "Add a model of your own"}
      description="It answers your requests alone. Its key is kept encrypted and never shown."
      action={model ? "Save" : "Add model"}
      busy={adding.isPending || changing.isPending}
      disabled={problem !== null}
      error={adding.error ?? changing.error}
      onSend={save}
      onClose={onClose}
    >
      <Field label="Name" hint="What you ask it by, without / and :">
        <Input required value={draft.name} onChange={(event) => set({ name: event.target.value })} />
      </Field>
      <Field label="Where it is">
        <Select
          value={draft.provider}
          onValue={(provider) => set({ provider })}
          disabled={model !== undefined}
          options={[
            { value: "custom", label: "A server that speaks OpenAI's API" },
            ...providers
              .filter((one) => one.adapter !== "mock")
              .map((one) => ({ value: one.id, label: one.name })),
          ]}
        />
      </Field>
      <Field label="Model id" hint="What its provider calls it">
        <Input
          required
          value={draft.modelId}
          onChange={(event) => set({ modelId: event.target.value })}
          className="font-mono"
        />
      </Field>
      {draft.provider === "custom" && (
        <Field
          label="Address"
          hint={model ? "Changing it drops the key." : "https://host/v1"}
          error={problem === "address" ? "An address begins with https:// or http://." : undefined}
        >
          <Input
            type="url"
            value={draft.baseUrl}
            onChange={(event) => set({ baseUrl: event.target.value })}
            className="font-mono"
          />
        </Field>
      )}
      <Field
        label="Key"
        hint={
          model?.apiKey != null
            ? `Kept: ${model.apiKey}. Leave empty to keep it.`
            : "Optional where the server wants none"
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
      <details>
        <summary className="text-sm text-soft">How it is asked, and what it costs</summary>
        <div className="mt-3 grid grid-cols-2 gap-3">
          {number("Temperature", "temperature")}
          {number("Longest answer", "maxTokens", "tokens")}
          {number("Context", "contextWindow", "tokens")}
          <span />
          {number("Input price", "inputCost", "$ per million tokens")}
          {number("Output price", "outputCost", "$ per million tokens")}
        </div>
      </details>
      <Switch label="May be asked" checked={draft.isEnabled} onChecked={(isEnabled) => set({ isEnabled })} />
    </FormDialog>
  );
}
