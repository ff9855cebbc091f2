/** Strategies by their names in the settings, and what each prefers. */
export const STRATEGIES: readonly { value: string; label: string; prefers: string }[] = [
  { value: "balanced", label: "Balanced", prefers: "cost counts 60%, quality 40%" },
  { value: "cost", label: "Cost", prefers: "the cheapest that fits" },
  { value: "performance", label: "Performance", prefers: "who speaks first" },
  { value: "quality", label: "Quality", prefers: "the best; among equals the cheaper" },
  { value: "simple", label: "Simple tasks", prefers: "cheap and fast" },
  { value: "complex", label: "Complex tasks", prefers: "the best at reasoning" },
  { value: "coding", label: "Coding", prefers: "the best at code" },
  { value: "creative", label: "Creative", prefers: "the best at long text" },
  { value: "round-robin", label: "Round robin", prefers: "each in turn, by weight" },
];

/** Those that choose by score, which can be replayed. */
export const SCORING = STRATEGIES.filter((one) => one.value !== "round-robin");

export function labelOf(strategy: string): string {
  return STRATEGIES.find((one) => one.value === strategy)?.label ?? strategy;
}
