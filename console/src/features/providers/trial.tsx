import { CircleCheck, CircleMinus, CircleX } from "lucide-react";
import { duration, relative } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { toldParts } from "./standing";
import type { Step, Trial } from "./use-trials";

const STEPS: Record<string, string> = { models: "Lists its models", answer: "Answers" };

/** What came of trying a provider out, step by step, and what to mend. */
export function TrialResult({ trial }: { trial: Trial | undefined }) {
  if (!trial) return null;
  return (
    <div
      role="status"
      aria-label="Test"
      className={cn(
        "rounded-md border border-l-3 bg-panel px-3 py-2",
        trial.busy ? "border-l-accent" : trial.ok ? "border-l-good" : "border-l-bad",
      )}
    >
      <p className="text-sm font-medium">
        {trial.busy ? "Asking it…" : trial.ok ? "It works" : "It does not work"}
        {trial.at !== undefined && (
          <span className="ml-2 text-xs font-normal text-faint">tested {relative(trial.at / 1000)}</span>
        )}
      </p>
      {trial.steps.length > 0 && (
        <ol className="mt-1.5 flex flex-col gap-1.5">
          {trial.steps.map((step) => (
            <StepLine key={step.step} step={step} />
          ))}
        </ol>
      )}
    </div>
  );
}

function StepLine({ step }: { step: Step }) {
  const Icon = step.ok === null ? CircleMinus : step.ok ? CircleCheck : CircleX;
  const { what, code, advice } = toldParts(step.told);
  return (
    <li className="flex items-start gap-2 text-sm">
      <Icon
        size={15}
        aria-hidden
        className={cn("mt-1 shrink-0", step.ok === null ? "text-faint" : step.ok ? "text-good" : "text-bad")}
      />
      <div className="min-w-0 flex-1">
        <p className="break-words">
          <span className="text-soft">{STEPS[step.step] ?? step.step}: </span>
          {what}
          {code !== null && <span className="ml-1.5 font-mono text-xs text-faint">{code}</span>}
        </p>
        {advice !== null && (
          <p className="break-words">
            <span className="font-medium">What to do:</span> {advice}.
          </p>
        )}
      </div>
      <span data-figures className="shrink-0 text-xs leading-5.5 text-faint">
        {duration(step.seconds * 1000)}
      </span>
    </li>
  );
}
