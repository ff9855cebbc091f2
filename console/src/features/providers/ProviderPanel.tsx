import { ChevronRight, PlugZap } from "lucide-react";
import { useId } from "react";
import type { Schema } from "@/shared/api/client";
import { count, duration, money, percent, plural } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import type { Provider } from "@/shared/llm/LLMContext";
import { useMay } from "@/shared/session";
import { Badge, Status } from "@/shared/ui/badge";
import { IconButton } from "@/shared/ui/button";
import { Bars } from "./bars";
import { ProviderDetail } from "./detail";
import { type Bar, breakerOf, gravestBreaker, groupOf, standingOf } from "./standing";
import type { Trial } from "./use-trials";

/** Columns that the heads of the list and its rows share. */
export const GRID =
  "lg:grid lg:grid-cols-[minmax(8rem,1fr)_7rem_6.25rem_4.5rem_3.25rem_3.75rem_4.25rem_4rem_2rem] lg:items-center lg:gap-x-3";

export interface PanelProps {
  provider: Provider;
  /** What the books say of the time that is looked at; absent for who may not read them. */
  told?: Schema["TelemetryProviderView"];
  bars?: readonly Bar[];
  /** It goes first where a request names no model. */
  first: boolean;
  /** The caller's own key of it, masked. */
  ownKey?: string;
  trial?: Trial;
  open: boolean;
  onOpen: (open: boolean) => void;
  onTry: (complete: boolean) => void;
}

/** One provider: how it stands in a line, and all that is known of it where it is opened. */
export function ProviderPanel(props: PanelProps) {
  const { provider, told, bars, first, ownKey, trial, open, onOpen, onTry } = props;
  const can = useMay();
  const detail = useId();
  const standing = standingOf(provider);
  const used = groupOf(provider) === "used";
  const mayTry =
    (can("admin") && provider.enabled && provider.needs === null) || (ownKey !== undefined && can("use"));
  const failing = told && told.calls > 0 ? told.failedCalls / told.calls : null;
  return (
    <li className={cn("border-b last:border-b-0", open && "bg-sunken/60")} data-provider={provider.id}>
      <div
        className={cn(
          "relative px-4 py-2",
          !open && "hover:bg-sunken",
          used ? GRID : "flex flex-wrap items-center gap-x-3",
          "min-h-10",
        )}
      >
        <div className={cn("flex min-w-0 items-center gap-2", !used && "basis-56")}>
          <ChevronRight
            size={14}
            aria-hidden
            className={cn("shrink-0 text-faint transition-transform", open && "rotate-90")}
          />
          <h3 className="min-w-0 truncate text-sm font-medium">
            <button
              type="button"
              aria-expanded={open}
              aria-controls={detail}
              onClick={() => onOpen(!open)}
              className="max-w-full truncate rounded-sm after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
            >
              {provider.name}
            </button>
          </h3>
          {first && <Badge tone="accent">first</Badge>}
          {ownKey !== undefined && <Badge>your key</Badge>}
          {used && (
            <Status tone={standing.tone} className="ml-auto lg:hidden">
              {standing.word}
            </Status>
          )}
        </div>
        {used ? (
          <Figures provider={provider} told={told} bars={bars} failing={failing} />
        ) : (
          <p className="min-w-0 flex-1 basis-40 truncate pl-5.5 text-sm text-soft sm:pl-0">
            {groupOf(provider) === "named"
              ? "Asked only where a request names it"
              : sentence(provider.needs ?? "")}
            <span className="ml-2 text-xs text-faint">{plural(provider.models, "model")}</span>
          </p>
        )}
        <div className={cn("relative z-10 justify-end", used ? "hidden lg:flex" : "ml-auto flex")}>
          {mayTry && (
            <IconButton
              size="sm"
              icon={PlugZap}
              busy={trial?.busy}
              label={`Test ${provider.name}`}
              onClick={() => {
                onOpen(true);
                onTry(false);
              }}
            />
          )}
        </div>
      </div>
      <div id={detail} hidden={!open}>
        {open && <ProviderDetail {...props} mayTry={mayTry} />}
      </div>
    </li>
  );
}

/** In columns on a wide screen, in one line on a narrow one. */
function Figures({
  provider,
  told,
  bars,
  failing,
}: Pick<PanelProps, "provider" | "told" | "bars"> & { failing: number | null }) {
  const standing = standingOf(provider);
  const breaker = gravestBreaker(provider);
  const cell = "hidden text-right text-sm lg:block";
  return (
    <>
      <span className="hidden lg:block">
        <Status tone={standing.tone}>{standing.word}</Status>
      </span>
      <span className="hidden h-5.5 lg:block">{bars && <Bars bars={bars} />}</span>
      <span className={cn(cell, "text-left")}>
        {breaker.state !== "CLOSED" ? (
          <Badge tone={breakerOf(breaker).tone}>{breakerOf(breaker).word}</Badge>
        ) : (
          <span className="text-xs text-faint">closed</span>
        )}
      </span>
      <span data-figures className={cell}>
        {told ? count(told.calls) : "–"}
      </span>
      <span data-figures className={cn(cell, failing !== null && failing >= 0.05 && "font-medium text-bad")}>
        {percent(failing)}
      </span>
      <span data-figures className={cell}>
        {duration(told?.firstTokenMs.p50)}
      </span>
      <span data-figures className={cell}>
        {money(told?.cost)}
      </span>
      <p data-figures className="truncate pl-5.5 text-xs text-soft lg:hidden">
        {told && told.calls > 0
          ? `${plural(told.calls, "call")} · ${percent(failing)} failed · ${duration(told.firstTokenMs.p50)} · ${money(told.cost)}`
          : plural(provider.models, "model")}
        {breaker.state !== "CLOSED" && ` · breaker ${breakerOf(breaker).word}`}
      </p>
    </>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
