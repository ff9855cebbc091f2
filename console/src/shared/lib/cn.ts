import { type ClassValue, clsx } from "clsx";
import { twMerge } from "tailwind-merge";

/** Join class names; of two that contradict each other the later holds. */
export function cn(...names: ClassValue[]): string {
  return twMerge(clsx(names));
}
