/** Take what is at one place of a list to another; what cannot be moved there stays. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list];
  if (from === to || from < 0 || to < 0 || from >= list.length || to >= list.length) return next;
  const [one] = next.splice(from, 1);
  next.splice(to, 0, one as T);
  return next;
}

/** Where a key takes what is at `at` in a list of so many; null for a key that moves nothing. */
export function placeAfterKey(key: string, at: number, size: number): number | null {
  switch (key) {
    case "ArrowUp":
      return Math.max(0, at - 1);
    case "ArrowDown":
      return Math.min(size - 1, at + 1);
    case "Home":
      return 0;
    case "End":
      return size - 1;
    default:
      return null;
  }
}

export function sameOrder(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, at) => one === b[at]);
}
