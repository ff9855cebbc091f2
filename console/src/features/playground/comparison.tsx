import { Plus, SlidersHorizontal, X } from "lucide-react";
import { useState } from "react";
import { type Answer, isOpen, textOf } from "@/shared/chat/answer";
import { AnswerView } from "@/shared/chat/answer-view";
import type { Attachment } from "@/shared/chat/attachments";
import { Composer } from "@/shared/chat/composer";
import { useAnswer } from "@/shared/chat/use-answer";
import { cn } from "@/shared/lib/cn";
import { UNKNOWN, count, duration, money } from "@/shared/lib/format";
import { useParam } from "@/shared/lib/url";
import { useLLM } from "@/shared/llm/LLMContext";
import { ModelSelector } from "@/shared/llm/ModelSelector";
import { Button, IconButton } from "@/shared/ui/button";
import { CopyButton } from "@/shared/ui/copy";
import { Sheet } from "@/shared/ui/dialog";
import { type Asking, bodyOf, changed } from "./asking";
import { MOST, bestOf, figuresOf, laneNames } from "./lanes";
import { Parameters } from "./parameters";

/** One prompt, up to four models, side by side. Nothing of it is kept as a conversation. */
export function Comparison({
  asking,
  onAsking,
  draft,
  onDraft,
}: {
  asking: Asking;
  onAsking: (changes: Partial<Asking>) => void;
  draft: string;
  onDraft: (text: string) => void;
}) {
  const { providers } = useLLM();
  const [named, setNamed] = useParam("models", "");
  const [sheet, setSheet] = useState(false);
  const lanes = [useAnswer(), useAnswer(), useAnswer(), useAnswer()] as const;
  const models = laneNames(named, asking.model, providers);
  const set = (names: readonly string[]) => setNamed(names.join(","));
  const answers = models.map((_, at) => lanes[at]!.answer);
  const busy = answers.some(isOpen);
  const best = bestOf(answers);
  const run = (text: string, attachments: readonly Attachment[]) => {
    onDraft(text);
    models.forEach((model, at) => {
      const { instructions } = asking;
      void lanes[at]!.ask("/api/chat/message/stream", {
        ...bodyOf({ ...asking, model }),
        message: text,
        attachments: attachments.map((one) => one.form),
        keep: false,
        ...(instructions && { instructions }),
      });
    });
  };
  return (
    <>
      <Composer
        label="Prompt"
        placeholder="One prompt for all of them…"
        value={draft}
        onValue={onDraft}
        onSend={run}
        onStop={() => lanes.forEach((lane) => lane.stop())}
        busy={busy}
        files
        action={`Ask ${models.length === 1 ? "it" : `all ${models.length}`}`}
        footer={
          <Button size="sm" look="quiet" icon={SlidersHorizontal} onClick={() => setSheet(true)}>
            Parameters{changed(asking) > 0 && ` (${changed(asking)})`}
          </Button>
        }
      />
      <ul
        aria-label="Models side by side"
        className={cn(
          "grid gap-4 md:grid-cols-2",
          models.length === 3 && "xl:grid-cols-3",
          models.length === 4 && "2xl:grid-cols-4",
        )}
      >
        {models.map((model, at) => (
          <li key={at} className="flex min-w-0 flex-col rounded-lg border bg-panel">
            <div className="flex items-center gap-1 border-b p-2">
              <ModelSelector
                label={`Model ${at + 1}`}
                value={model}
                onValue={(name) => set(models.map((one, other) => (other === at ? name : one)))}
              />
              <IconButton
                icon={X}
                size="sm"
                label={`Leave out model ${at + 1}`}
                disabled={models.length <= 2 || busy}
                onClick={() => {
                  lanes.forEach((lane) => lane.clear());
                  set(models.filter((_, other) => other !== at));
                }}
              />
            </div>
            <Lane answer={answers[at] ?? null} best={best[at]} />
          </li>
        ))}
      </ul>
      {models.length < MOST && (
        <Button
          icon={Plus}
          className="self-start"
          disabled={busy}
          onClick={() => set([...models, laneNames("", "", providers, models)[0] ?? "auto:cost"])}
        >
          Add a model
        </Button>
      )}
      <Sheet open={sheet} onOpenChange={setSheet} title="Parameters" description="The same for all of them.">
        <Parameters value={asking} onValue={onAsking} />
      </Sheet>
    </>
  );
}

function Lane({ answer, best }: { answer: Answer | null; best: ReadonlySet<string> | undefined }) {
  const figures = figuresOf(answer);
  const cells: readonly (readonly [string, string, string])[] = [
    ["first", "First word", duration(figures.first)],
    ["total", "Time", duration(figures.total)],
    ["speed", "Tokens/s", figures.speed === null ? UNKNOWN : count(figures.speed)],
    ["tokens", "In, out", figures.tokens ? figures.tokens.map(count).join(", ") : UNKNOWN],
    ["cost", "Cost", money(figures.cost)],
  ];
  return (
    <>
      <dl data-figures className="flex flex-wrap justify-between gap-x-4 gap-y-1 border-b px-3 py-2">
        {cells.map(([name, label, value]) => (
          <div key={name} className="min-w-0">
            <dt className="truncate text-2xs text-faint">{label}</dt>
            <dd className={cn("text-sm whitespace-nowrap", best?.has(name) && "font-medium text-good")}>
              {value}
              {best?.has(name) && <span className="sr-only"> (best)</span>}
            </dd>
          </div>
        ))}
      </dl>
      <div className="min-h-40 flex-1 p-3">
        {answer ? (
          <AnswerView
            answer={answer}
            brief
            actions={<CopyButton text={() => textOf(answer)} label="Copy the answer" />}
          />
        ) : (
          <p className="text-sm text-faint">Its answer will be here.</p>
        )}
      </div>
    </>
  );
}
