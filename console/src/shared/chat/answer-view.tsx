import { Link } from "@tanstack/react-router";
import { Brain, ChevronRight, CircleAlert, CornerDownRight, LoaderCircle, Wrench } from "lucide-react";
import { type ReactNode, useState } from "react";
import { ApiError, messageOf } from "@/shared/api/error";
import { cn } from "@/shared/lib/cn";
import { count, duration, money, plural } from "@/shared/lib/format";
import { useMay } from "@/shared/session";
import { Code } from "@/shared/ui/copy";
import type { Answer, Step, ToolStep } from "./answer";
import { Said } from "./said";

/** An answer, step by step as it came. `result` shows what a tool answered, where text is not the best way. */
export function AnswerView({
  answer,
  result,
  actions,
  brief = false,
}: {
  answer: Answer;
  result?: (step: ToolStep) => ReactNode;
  actions?: ReactNode;
  /** Its figures stand elsewhere. */
  brief?: boolean;
}) {
  const { steps, state } = answer;
  const open = state === "waiting" || state === "coming";
  return (
    <div className="flex min-w-0 flex-col gap-3" aria-busy={open}>
      {steps.map((step, at) => (
        <StepView key={at} step={step} last={at === steps.length - 1} open={open} result={result} />
      ))}
      {answer.refusal !== "" && <p className="text-sm text-warn">Refused: {answer.refusal}</p>}
      {open && <UnderWay steps={steps} />}
      {state === "stopped" && <p className="text-xs text-faint">Stopped here.</p>}
      {state === "failed" && <Failure error={answer.error} />}
      {!open && steps.length === 0 && state === "done" && answer.refusal === "" && (
        <p className="text-sm text-faint">The answer is empty.</p>
      )}
      <Sources of={answer.sources} />
      {(answer.took ?? (actions && !open)) && (
        <div className="flex min-h-7 flex-wrap items-center gap-x-3 gap-y-1">
          <Took answer={answer} brief={brief} />
          {!open && actions != null && <div className="flex items-center gap-0.5">{actions}</div>}
        </div>
      )}
    </div>
  );
}

function StepView({
  step,
  last,
  open,
  result,
}: {
  step: Step;
  last: boolean;
  open: boolean;
  result?: (step: ToolStep) => ReactNode;
}) {
  if (step.kind === "text") return <Said text={step.text} />;
  if (step.kind === "reasoning") return <Reasoning text={step.text} thinking={open && last} />;
  return (
    <>
      <ToolView step={step} />
      {result?.(step)}
    </>
  );
}

/** Something folded, whose line says what is inside. */
function Folded({
  summary,
  children,
  opened,
}: {
  summary: ReactNode;
  children: ReactNode;
  /** Open for as long as nobody has folded it or opened it. */
  opened: boolean;
}) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? opened;
  return (
    <div className="min-w-0">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setChosen(!open)}
        className="flex min-h-7 max-w-full items-center gap-2 rounded-sm text-left text-xs text-soft hover:text-ink"
      >
        <ChevronRight
          size={14}
          aria-hidden
          className={cn("shrink-0 text-faint transition-transform", open && "rotate-90")}
        />
        {summary}
      </button>
      {open && <div className="mt-1 ml-1.75 border-l pl-3.5">{children}</div>}
    </div>
  );
}

function Reasoning({ text, thinking }: { text: string; thinking: boolean }) {
  const words = text.split(/\s+/).filter(Boolean).length;
  return (
    <Folded
      opened={thinking}
      summary={
        <>
          <Brain size={14} aria-hidden className="shrink-0" />
          <span className="font-medium">{thinking ? "Reasoning…" : "Reasoning"}</span>
          <span className="text-faint">{plural(words, "word")}</span>
        </>
      }
    >
      <p className="text-sm whitespace-pre-wrap text-soft">{text}</p>
    </Folded>
  );
}

const STATES: Record<ToolStep["state"], { word: string; look: string }> = {
  running: { word: "running", look: "text-accent" },
  done: { word: "answered", look: "text-good" },
  failed: { word: "failed", look: "text-bad" },
  left: { word: "not run", look: "text-warn" },
};

function ToolView({ step }: { step: ToolStep }) {
  const { word, look } = STATES[step.state];
  return (
    <Folded
      opened={step.state === "failed"}
      summary={
        <>
          {step.state === "running" ? (
            <LoaderCircle size={14} aria-hidden className="shrink-0 animate-spin text-accent" />
          ) : (
            <Wrench size={14} aria-hidden className="shrink-0" />
          )}
          <span className="font-mono text-ink">{step.name}</span>
          <span className={cn("shrink-0", look)}>{word}</span>
          {step.seconds !== null && (
            <span data-figures className="shrink-0 text-faint">
              {duration(step.seconds * 1000)}
            </span>
          )}
          <span className="hidden min-w-0 flex-1 truncate font-mono text-faint sm:inline">
            {step.arguments === "{}" ? "" : step.arguments}
          </span>
        </>
      }
    >
      <div className="flex flex-col gap-2 py-1">
        <p className="text-xs text-faint">Called with</p>
        <Code text={laidOut(step.arguments)} label="Copy the arguments" />
        {step.result !== null && (
          <>
            <p className="text-xs text-faint">{step.state === "failed" ? "It failed" : "It answered"}</p>
            <div className="max-h-80 overflow-y-auto">
              <Code text={laidOut(step.result)} label="Copy the result" />
            </div>
          </>
        )}
      </div>
    </Folded>
  );
}

/** JSON on lines of its own; any other text as it is. */
export function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function UnderWay({ steps }: { steps: readonly Step[] }) {
  const last = steps.at(-1);
  if (last?.kind === "text") return null;
  return (
    <p role="status" className="flex h-6 items-center gap-2 text-sm text-faint">
      <span className="size-2 animate-wait rounded-full bg-accent" aria-hidden />
      {last?.kind === "tool" ? "Waiting for the tool" : last ? "Reasoning" : "Waiting for the first word"}
    </p>
  );
}

function Failure({ error }: { error: unknown }) {
  const known = error instanceof ApiError ? error : null;
  return (
    <div role="alert" className="rounded-md bg-bad-wash px-3 py-2 text-sm text-bad">
      <p className="flex items-start gap-2">
        <CircleAlert size={15} aria-hidden className="mt-0.5 shrink-0" />
        {messageOf(error)}
      </p>
      {known && (
        <p className="mt-0.5 ml-5.75 font-mono text-xs">
          {known.code}
          {known.requestId !== null && ` · ${known.requestId}`}
        </p>
      )}
    </div>
  );
}

function Sources({ of }: { of: Answer["sources"] }) {
  const seen = [...new Map(of.filter((one) => one.url).map((one) => [one.url, one])).values()];
  if (seen.length === 0) return null;
  return (
    <ul aria-label="Sources" className="flex flex-col gap-0.5 text-xs">
      {seen.map((one) => (
        <li key={one.url} className="flex items-center gap-1.5 text-soft">
          <CornerDownRight size={12} aria-hidden className="shrink-0 text-faint" />
          {/^https?:/.test(one.url ?? "") ? (
            <a
              href={one.url ?? undefined}
              target="_blank"
              rel="noreferrer noopener"
              className="truncate text-accent hover:underline"
            >
              {one.title ?? one.url}
            </a>
          ) : (
            (one.title ?? one.url)
          )}
        </li>
      ))}
    </ul>
  );
}

/** Who answered and what it took. */
function Took({ answer, brief }: { answer: Answer; brief: boolean }) {
  const can = useMay();
  const { took, firstMs, totalMs } = answer;
  if (!took) return null;
  // Each round of tools is an attempt more, and no trouble.
  const rounds = Math.max(0, ...answer.steps.map((step) => (step.kind === "tool" ? step.round : 0)));
  const name = [took.provider, took.model].filter(Boolean).join("/");
  const figures = [
    firstMs !== null && totalMs !== null && `first word ${duration(firstMs)}`,
    totalMs !== null && duration(totalMs),
    took.usage && `${count(took.usage.inputTokens)} in, ${count(took.usage.outputTokens)} out`,
    took.cost !== null && `${money(took.cost)}${took.estimated ? " estimated" : ""}`,
  ];
  const facts = [
    ...(brief ? [] : figures),
    took.attempts > (took.rounds ?? rounds + 1) && plural(took.attempts, "attempt"),
    took.finishReason === "length" && "cut at the token limit",
    (took.context?.truncated ?? 0) > 0 &&
      `${plural(took.context?.truncated ?? 0, "earlier message")} left out`,
  ].filter((fact) => fact !== false && fact !== null);
  return (
    <p data-figures className="flex min-w-0 flex-wrap gap-x-2.5 text-xs text-faint">
      {name && <span className="font-medium text-soft">{name}</span>}
      {facts.map((fact) => (
        <span key={fact}>{fact}</span>
      ))}
      {took.requestId && can("read", "manage") && (
        <Link to="/requests" search={{ request: took.requestId }} className="text-accent hover:underline">
          Request
        </Link>
      )}
    </p>
  );
}
