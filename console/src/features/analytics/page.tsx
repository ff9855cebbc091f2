import { Link } from "@tanstack/react-router";
import { Plus, RefreshCw, Sparkles } from "lucide-react";
import { useState } from "react";
import { type Answer, type ToolStep, isOpen, textOf } from "@/shared/chat/answer";
import { AnswerView } from "@/shared/chat/answer-view";
import { Composer } from "@/shared/chat/composer";
import { useAnswer } from "@/shared/chat/use-answer";
import { useParam } from "@/shared/lib/url";
import { useLLM } from "@/shared/llm/LLMContext";
import { ModelSelector } from "@/shared/llm/ModelSelector";
import { useMay } from "@/shared/session";
import { Button } from "@/shared/ui/button";
import { CopyButton } from "@/shared/ui/copy";
import { Page } from "@/shared/ui/page";
import { EmptyState } from "@/shared/ui/states";
import { findingOf } from "./finding";
import { FindingView } from "./finding-view";

const QUESTIONS = [
  "What did each provider cost in the last 7 days, day by day?",
  "Which models fail most often, and why?",
  "Who used the most tokens this month, compared with the month before?",
  "Is anything out of the ordinary in the last 24 hours?",
  "How much would caching have saved?",
  "Do people who began in the last weeks still use it?",
];

interface Turn {
  question: string;
  /** `null`: it is under way. */
  answer: Answer | null;
}

/** Questions about the books, answered by a model that gets its figures from the analytics tools. */
export default function AnalyticsPage() {
  const can = useMay();
  const { providers } = useLLM();
  const [model, setModel] = useParam("model", "auto");
  const [draft, setDraft] = useState("");
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const { answer, ask, stop, clear } = useAnswer();
  const busy = isOpen(answer);

  const put = async (question: string, before: readonly Turn[]) => {
    setDraft("");
    setTurns([...before, { question, answer: null }]);
    const messages = [
      ...before.flatMap((turn) =>
        turn.answer && textOf(turn.answer)
          ? [
              { role: "user", content: turn.question },
              { role: "assistant", content: textOf(turn.answer) },
            ]
          : [],
      ),
      { role: "user", content: question },
    ];
    const final = await ask("/api/analytics/chat/stream", { messages, model_id: model });
    setTurns((all) => all.map((turn, at) => (at === before.length ? { ...turn, answer: final } : turn)));
  };
  if (!can("read", "manage")) {
    return (
      <Page title="Ask the books">
        <EmptyState icon={Sparkles} title="Your key may not read the books">
          An administrator can give it the scope read.
        </EmptyState>
      </Page>
    );
  }
  const keyless = providers.length > 0 && providers.every((one) => !one.available || one.id === "mock");
  return (
    <Page
      title="Ask the books"
      lead="A model answers from the requests, costs, latencies and errors on the books that you may see."
      actions={
        <Button
          icon={Plus}
          disabled={turns.length === 0}
          onClick={() => {
            clear();
            setTurns([]);
          }}
        >
          Start over
        </Button>
      }
    >
      <div className="mx-auto flex min-h-[calc(100dvh-14rem)] w-full max-w-4xl min-w-0 flex-col lg:min-h-[calc(100dvh-7.5rem)]">
        <div className="flex-1 pb-6">
          {turns.length === 0 ? (
            <Begin keyless={keyless} onAsk={(question) => void put(question, [])} />
          ) : (
            <ol aria-label="Questions and answers" className="flex flex-col gap-5">
              {turns.map((turn, at) => {
                const shown = turn.answer ?? answer;
                return (
                  <li key={at} className="flex min-w-0 flex-col gap-4">
                    <h2 className="self-end rounded-lg bg-sunken px-3 py-2 whitespace-pre-wrap [overflow-wrap:anywhere]">
                      {turn.question}
                    </h2>
                    {shown && (
                      <AnswerView
                        answer={shown}
                        result={drawn}
                        actions={
                          <>
                            <CopyButton text={() => textOf(shown)} label="Copy the answer" />
                            {at === turns.length - 1 && (
                              <Button
                                size="sm"
                                look="quiet"
                                icon={RefreshCw}
                                disabled={busy}
                                onClick={() => void put(turn.question, turns.slice(0, at))}
                              >
                                Ask again
                              </Button>
                            )}
                          </>
                        }
                      />
                    )}
                  </li>
                );
              })}
            </ol>
          )}
        </div>
        <div className="sticky bottom-0 -mx-1 bg-ground px-1 pb-4">
          <Composer
            label="Question"
            placeholder="What do you want to know?"
            value={draft}
            onValue={setDraft}
            onSend={(question) => void put(question, turns)}
            onStop={stop}
            busy={busy}
            action="Ask"
            footer={
              <ModelSelector
                value={model}
                onValue={setModel}
                capability="function-calling"
                className="h-7 w-auto max-w-full border-transparent bg-transparent text-xs hover:bg-sunken"
              />
            }
          />
        </div>
      </div>
    </Page>
  );
}

/** What a tool found, drawn where it came. */
function drawn(step: ToolStep) {
  const finding = step.state === "done" ? findingOf(step.result) : null;
  return finding && <FindingView finding={finding} name={step.name} />;
}

function Begin({ keyless, onAsk }: { keyless: boolean; onAsk: (question: string) => void }) {
  return (
    <div className="flex flex-col gap-4 pt-[8vh]">
      {keyless && (
        <p className="rounded-md bg-warn-wash px-3 py-2 text-sm text-warn">
          No provider has a key yet, and the mock understands no question.{" "}
          <Link to="/providers" className="underline underline-offset-2">
            Add a key
          </Link>
        </p>
      )}
      <div>
        <h2 className="text-base font-semibold">Figures first, words after</h2>
        <p className="text-sm text-soft">
          Every figure comes from a tool that you can look into; its table and chart stand in the answer.
        </p>
      </div>
      <ul className="grid gap-2 sm:grid-cols-2">
        {QUESTIONS.map((question) => (
          <li key={question}>
            <Button
              className="h-auto min-h-10 w-full justify-start py-2 text-left whitespace-normal"
              onClick={() => onAsk(question)}
            >
              {question}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
