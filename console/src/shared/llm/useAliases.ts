import { useQuery } from "@tanstack/react-query";
import { patientFetch } from "@/shared/api/client";
import { problemOf } from "@/shared/api/error";

/** Names of one's own that stand for models: the gateway lists them beside `auto` and the models themselves. */
export function useAliases() {
  return useQuery({
    queryKey: ["names"],
    staleTime: 300_000,
    queryFn: async (): Promise<string[]> => {
      const response = await patientFetch(new Request(`${location.origin}/v1/models`));
      if (!response.ok) throw await problemOf(response);
      const listed = (await response.json()) as { data: { id: string; owned_by: string }[] };
      return listed.data
        .filter((one) => one.owned_by === "wye" && !/^auto(:|$)/.test(one.id))
        .map((one) => one.id);
    },
  });
}
