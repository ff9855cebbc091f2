import type { Schema } from "@/shared/api/client";

/** A form as it is typed. */
export interface Draft {
  name: string;
  provider: string;
  modelId: string;
  baseUrl: string;
  apiKey: string;
  isEnabled: boolean;
  temperature: string;
  maxTokens: string;
  contextWindow: string;
  inputCost: string;
  outputCost: string;
}

export function draftOf(model?: Schema["OwnModelView"]): Draft {
  const text = (value: unknown) => (typeof value === "number" ? String(value) : "");
  const config = model?.config ?? {};
  return {
    name: model?.name ?? "",
    provider: model?.provider ?? "custom",
    modelId: model?.modelId ?? "",
    baseUrl: model?.baseUrl ?? "",
    apiKey: "",
    isEnabled: model?.isEnabled ?? true,
    temperature: text(config.temperature),
    maxTokens: text(config.maxTokens),
    contextWindow: text(config.contextWindow),
    inputCost: text(config.inputCostPerMillion),
    outputCost: text(config.outputCostPerMillion),
  };
}

/** What stands in the way of saving: the name of a field, or nothing. */
export function problemIn(draft: Draft): "name" | "model" | "address" | null {
  if (draft.name.trim() === "" || /[/:]/.test(draft.name)) return "name";
  if (draft.modelId.trim() === "") return "model";
  if (draft.provider === "custom" && !/^https?:\/\/\S+$/.test(draft.baseUrl.trim())) return "address";
  return null;
}

/** The body that says it; a key that was not typed is not touched. */
export function bodyOf(draft: Draft): Schema["OwnModelForm"] {
  const number = (text: string) => (text.trim() === "" ? null : Number(text));
  return {
    name: draft.name.trim(),
    provider: draft.provider,
    modelId: draft.modelId.trim(),
    ...(draft.provider === "custom" ? { baseUrl: draft.baseUrl.trim() } : {}),
    ...(draft.apiKey === "" ? {} : { apiKey: draft.apiKey }),
    isEnabled: draft.isEnabled,
    config: {
      temperature: number(draft.temperature),
      maxTokens: number(draft.maxTokens),
      contextWindow: number(draft.contextWindow),
      inputCostPerMillion: number(draft.inputCost),
      outputCostPerMillion: number(draft.outputCost),
    },
  };
}
