import { type Schema, query } from "@/shared/api/client";
import { useMay } from "@/shared/session";

export type Model = Schema["ModelView"];

/** Every model that is known, the usable ones first; read again every five minutes. Nothing for who may not know. */
export function useModels() {
  const can = useMay();
  return query.useQuery(
    "get",
    "/api/models",
    {},
    { staleTime: 300_000, select: ordered, enabled: can("use", "read") },
  );
}

function ordered(data: Schema["ModelsView"]): Model[] {
  return data.models.toSorted(
    (a, b) => Number(b.available) - Number(a.available) || a.fullId.localeCompare(b.fullId),
  );
}

/** Models that hold what is typed, word by word, in their names, what they can do, and where they are. */
export function matching(models: readonly Model[], text: string): Model[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...models];
  return models.filter((model) => {
    const hay =
      `${model.fullId} ${model.name} ${model.capabilities.join(" ")} ${model.tags.join(" ")}`.toLowerCase();
    return words.every((word) => hay.includes(word));
  });
}
