/** Which of some figures are the best; none where fewer than two are known, or all are the same. */
export function best(values: readonly (number | null)[], wanted: "most" | "least"): ReadonlySet<number> {
  const known = values.filter((value) => value !== null);
  if (known.length < 2 || new Set(known).size < 2) return new Set();
  const top = wanted === "most" ? Math.max(...known) : Math.min(...known);
  return new Set(values.flatMap((value, at) => (value === top ? [at] : [])));
}

/** What all lists have, and what tells them apart. */
export function differing(lists: readonly (readonly string[])[]): { shared: string[]; telling: string[] } {
  const all = [...new Set(lists.flat())].toSorted();
  const everywhere = (name: string) => lists.every((list) => list.includes(name));
  return { shared: all.filter(everywhere), telling: all.filter((name) => !everywhere(name)) };
}
