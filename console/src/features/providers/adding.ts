import type { Schema } from "@/shared/api/client";

export type Added = Schema["AddedView"];

/** What is typed into the form of a provider; models are lines. */
export interface Draft {
  id: string;
  name: string;
  baseUrl: string;
  apiKey: string;
  defaultModel: string;
  models: string;
}

export function draftOf(added?: Added): Draft {
  return {
    id: added?.id ?? "",
    name: added?.name ?? "",
    baseUrl: added?.baseUrl ?? "",
    apiKey: "",
    defaultModel: added?.defaultModel ?? "",
    models: added?.models.map((model) => model.id).join("\n") ?? "",
  };
}

/** The first thing that keeps a draft from being sent. */
export function problemIn(draft: Draft): "id" | "address" | "empty" | null {
  if (draft.id !== "" && !/^[a-z0-9][a-z0-9_-]{0,63}$/.test(draft.id)) return "id";
  if (draft.baseUrl !== "" && !/^https?:\/\/[^\s/]+/.test(draft.baseUrl)) return "address";
  return draft.id === "" || draft.baseUrl === "" ? "empty" : null;
}

/** The models as the API takes them; what was known of one stays. */
export function modelsOf(draft: Draft, before?: Added): Schema["AddedModelForm"][] {
  const known = new Map(before?.models.map((model) => [model.id, model]));
  const ids = draft.models
    .split(/[\s,]+/)
    .filter(Boolean)
    .filter((id, at, all) => all.indexOf(id) === at);
  return ids.map((id) => ({ ...known.get(id), id }));
}
