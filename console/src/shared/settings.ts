import { useQueryClient } from "@tanstack/react-query";
import { type Schema, query } from "@/shared/api/client";
import { useMay } from "@/shared/session";
import { failed, told } from "@/shared/ui/toast";

export type Setting = Schema["SettingView"];

const LIST = "/api/settings";
const AT_RUN_TIME = "runtime setting";

/** The settings in force by their dotted paths; only admins see them, `undefined` for everybody else. */
export function useSettings() {
  const can = useMay();
  return query.useQuery(
    "get",
    LIST,
    {},
    {
      enabled: can("admin"),
      staleTime: 10_000,
      select: (data) => new Map(data.settings.map((one) => [one.key, one])),
    },
  );
}

/** Whether a setting was changed while the gateway ran, and may be given back to the settings file. */
export function isChanged(setting: Setting | undefined): boolean {
  return setting?.version != null;
}

/** Change settings while the gateway runs, and give them back to what the settings file says. */
export function useChangeSetting() {
  const client = useQueryClient();
  const again = () =>
    Promise.all(
      [LIST, "/api/llm-providers/status", "/api/models"].map((path) =>
        client.invalidateQueries({ queryKey: ["get", path] }),
      ),
    );
  const putting = query.useMutation("put", LIST, { meta: { quiet: true } });
  const removing = query.useMutation("delete", LIST, { meta: { quiet: true } });
  return {
    busy: putting.isPending || removing.isPending,
    error: putting.error ?? removing.error,
    async put(key: string, value: unknown, done: string): Promise<boolean> {
      try {
        const now = await putting.mutateAsync({ body: { key, value } });
        await again();
        told(
          now.origin === AT_RUN_TIME
            ? done
            : `It is kept, but ${now.origin} goes before it and says otherwise.`,
        );
        return true;
      } catch (error) {
        failed(error);
        return false;
      }
    },
    async remove(key: string, done: string): Promise<boolean> {
      try {
        await removing.mutateAsync({ params: { query: { key } } });
        await again();
        told(done);
        return true;
      } catch (error) {
        failed(error);
        return false;
      }
    },
  };
}
