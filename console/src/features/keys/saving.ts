import { useMutation } from "@tanstack/react-query";

/** Something that takes more than one call to save: run once at a time, its error for beside the button. */
export function useSaving(save: () => Promise<void>): { run: () => void; busy: boolean; error: unknown } {
  const { mutate, isPending, error } = useMutation({ mutationFn: save, meta: { quiet: true } });
  return { run: () => mutate(), busy: isPending, error };
}
