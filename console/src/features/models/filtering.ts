import { useCallback } from "react";
import { useParam } from "@/shared/lib/url";
import { type Model, matching } from "@/shared/llm/useModels";

export interface Wanted {
  text: string;
  provider: string;
  capability: string;
  /** "now", "all", or "open" for those whose weights are open. */
  show: string;
  /** USD per million tokens of input at most, as typed. */
  price: string;
  /** Tokens at least, as typed. */
  context: string;
}

/** Models that meet all that was asked for; a price or context that nobody knows meets no bound. */
export function filtered(models: readonly Model[], wanted: Wanted): Model[] {
  const most = bound(wanted.price);
  const least = bound(wanted.context);
  return matching(models, wanted.text).filter(
    (model) =>
      (wanted.provider === "" || model.provider === wanted.provider) &&
      (wanted.capability === "" || model.capabilities.includes(wanted.capability)) &&
      (wanted.show !== "now" || model.available) &&
      (wanted.show !== "open" || model.openSource) &&
      (most === null ||
        (model.costPer1kTokens.input !== null && model.costPer1kTokens.input * 1000 <= most)) &&
      (least === null || (model.contextWindow !== null && model.contextWindow >= least)),
  );
}

function bound(text: string): number | null {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) ? null : value;
}

/** The filters of the table; they stand in the address. */
export function useFilters() {
  const [text, setText] = useParam("q", "");
  const [provider, setProvider] = useParam("provider", "");
  const [capability, setCapability] = useParam("can", "");
  const [show, setShow] = useParam("show", "now");
  const [price, setPrice] = useParam("price", "");
  const [context, setContext] = useParam("context", "");
  const wanted: Wanted = { text, provider, capability, show, price, context };
  return {
    ...wanted,
    setText,
    setProvider,
    setCapability,
    setShow,
    setPrice,
    setContext,
    apply: (models: readonly Model[]) => filtered(models, wanted),
    reset: useCallback(() => {
      // One after the other: each reads the address that the one before has written.
      [setText, setProvider, setCapability, setPrice, setContext].forEach((set) => set(""));
      setShow("all");
    }, [setText, setProvider, setCapability, setShow, setPrice, setContext]),
  };
}

export type FilterState = ReturnType<typeof useFilters>;
