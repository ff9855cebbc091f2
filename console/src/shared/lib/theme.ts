import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark" | "system";

const KEY = "wye-theme";
const watchers = new Set<() => void>();
const wanted = matchMedia("(prefers-color-scheme: dark)");

/** What was chosen; public/boot.js reads the same before the first paint. */
export function chosenTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}

export function chooseTheme(theme: Theme): void {
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Then it holds until the page is left.
  }
  apply(theme);
}

function apply(theme: Theme): void {
  document.documentElement.classList.toggle(
    "dark",
    theme === "dark" || (theme === "system" && wanted.matches),
  );
  watchers.forEach((tell) => tell());
}

wanted.addEventListener("change", () => apply(chosenTheme()));

const watch = (tell: () => void) => {
  watchers.add(tell);
  return () => watchers.delete(tell);
};

export function useTheme(): Theme {
  return useSyncExternalStore(watch, chosenTheme);
}

/** Whether the page is dark now. */
export function useDark(): boolean {
  return useSyncExternalStore(watch, () => document.documentElement.classList.contains("dark"));
}
