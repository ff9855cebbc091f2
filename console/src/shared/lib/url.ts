import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

type Search = Record<string, string | undefined>;

/**
 * State that stands in the address, so that a link shows the same and "back" goes back: filters, sorts, open panels.
 *
 * Setting the fallback takes it out of the address again.
 */
export function useParam<T extends string = string>(
  name: string,
  fallback: NoInfer<T>,
): [T, (value: T) => void] {
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const set = useCallback(
    (value: T) => {
      void navigate({
        to: ".",
        search: (before: Search) => ({
          ...before,
          [name]: value === fallback ? undefined : value,
        }),
        replace: true,
        resetScroll: false,
      });
    },
    [name, fallback, navigate],
  );
  return [(search[name] as T | undefined) ?? fallback, set];
}

/** Everything that stands in the address, and a way to change several of it at once; `push` makes a step back. */
export function useAddress(): [Search, (changes: Search, push?: boolean) => void] {
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const change = useCallback(
    (changes: Search, push = false) => {
      void navigate({
        to: ".",
        search: (before: Search) => ({ ...before, ...changes }),
        replace: !push,
        resetScroll: false,
      });
    },
    [navigate],
  );
  return [search, change];
}
