import { X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { Provider } from "@/shared/llm/LLMContext";
import { Status } from "@/shared/ui/badge";
import { IconButton } from "@/shared/ui/button";
import { type Change, changesBetween } from "./standing";

const KEPT = 5;
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** What happened to providers while the page has been open, the latest first; it is read aloud as it happens. */
export function Changes({ providers }: { providers: readonly Provider[] }) {
  const before = useRef<readonly Provider[]>(providers);
  const [seen, setSeen] = useState<readonly Change[]>([]);
  useEffect(() => {
    const fresh = changesBetween(before.current, providers, Date.now());
    before.current = providers;
    if (fresh.length > 0) setSeen((were) => [...fresh.toReversed(), ...were].slice(0, KEPT));
  }, [providers]);
  return (
    <div aria-live="polite" className={seen.length === 0 ? "sr-only" : undefined}>
      {seen.length > 0 && (
        <section
          aria-label="Since this page was opened"
          className="flex items-center gap-2 rounded-lg border bg-panel py-1.5 pr-2 pl-4"
        >
          <ol className="flex min-w-0 flex-1 flex-col gap-0.5">
            {seen.map((one) => (
              <li key={`${one.at} ${one.provider}`} className="flex min-w-0 items-baseline gap-3 text-sm">
                <span data-figures className="shrink-0 text-xs text-faint">
                  {clock.format(one.at)}
                </span>
                <Status tone={one.tone} className="min-w-0 whitespace-normal">
                  {one.text}
                </Status>
              </li>
            ))}
          </ol>
          <IconButton icon={X} size="sm" label="Forget what happened" onClick={() => setSeen([])} />
        </section>
      )}
    </div>
  );
}
