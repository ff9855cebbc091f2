import { Link } from "@tanstack/react-router";
import { SlidersHorizontal } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Composer } from "@/shared/chat/composer";
import { useLLM } from "@/shared/llm/LLMContext";
import { ModelSelector } from "@/shared/llm/ModelSelector";
import { useMay } from "@/shared/session";
import { Button } from "@/shared/ui/button";
import { Sheet } from "@/shared/ui/dialog";
import { Loaded } from "@/shared/ui/states";
import { type Asking, changed } from "./asking";
import { Parameters } from "./parameters";
import { Thread } from "./thread";
import { useThread } from "./use-thread";

const STARTERS: readonly { text: string; tools?: readonly string[] }[] = [
  { text: "Explain what an LLM gateway does, in three sentences." },
  { text: "Write a Python function that merges overlapping intervals." },
  { text: "What is 18 % of 2,340? Use the calculator.", tools: ["calculator"] },
];

/** One conversation, kept as it goes. */
export function Chat({
  conversation,
  onConversation,
  asking,
  onAsking,
  draft,
  onDraft,
}: {
  conversation: string;
  onConversation: (id: string) => void;
  asking: Asking;
  onAsking: (changes: Partial<Asking>) => void;
  draft: string;
  onDraft: (text: string) => void;
}) {
  const thread = useThread(conversation, onConversation, asking);
  const [sheet, setSheet] = useState(false);
  const { content, follow } = useFollowing(thread.busy);
  const empty = thread.messages.length === 0 && !thread.pending;
  const start = (text: string, tools?: readonly string[]) => {
    onDraft(text);
    if (tools) onAsking({ tools });
  };
  const parameters = <Parameters value={asking} onValue={onAsking} />;
  const others = changed(asking) + (asking.agent ? 1 : 0);
  return (
    <div className="grid min-h-[calc(100dvh-14rem)] gap-x-6 lg:min-h-[calc(100dvh-6.5rem)] xl:grid-cols-[minmax(0,1fr)_17rem]">
      <div className="mx-auto flex w-full max-w-3xl min-w-0 flex-col">
        <div ref={content} className="flex-1 pb-6">
          {conversation !== "" && !thread.pending ? (
            <Loaded of={thread.asked} lines={6}>
              {() => (empty ? <Welcome onStart={start} /> : <Thread thread={thread} />)}
            </Loaded>
          ) : empty ? (
            <Welcome onStart={start} />
          ) : (
            <Thread thread={thread} />
          )}
        </div>
        <div className="sticky bottom-0 -mx-1 bg-ground px-1 pb-4">
          <Composer
            value={draft}
            onValue={onDraft}
            onSend={(text, attachments) => {
              onDraft("");
              follow();
              void thread.send(text, attachments);
            }}
            onStop={thread.stop}
            busy={thread.busy}
            files
            footer={
              <>
                <ModelSelector
                  value={asking.model}
                  onValue={(model) => onAsking({ model })}
                  className="h-7 w-auto max-w-full border-transparent bg-transparent text-xs hover:bg-sunken"
                />
                <Button
                  size="sm"
                  look="quiet"
                  icon={SlidersHorizontal}
                  className="xl:hidden"
                  aria-label="Parameters"
                  onClick={() => setSheet(true)}
                >
                  {others > 0 ? others : null}
                </Button>
              </>
            }
          />
        </div>
      </div>
      <aside aria-label="Parameters" className="hidden border-l pl-6 xl:block">
        <div className="sticky top-5 max-h-[calc(100dvh-2.5rem)] overflow-y-auto px-px pb-4">
          {parameters}
        </div>
      </aside>
      <Sheet open={sheet} onOpenChange={setSheet} title="Parameters">
        {parameters}
      </Sheet>
    </div>
  );
}

const NEAR_PX = 160;
const SETTLING_MS = 1200;

/** Keep the end in view while an answer comes, unless the reader has gone up; `follow` goes there again. */
function useFollowing(busy: boolean) {
  const content = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const until = useRef(Infinity);
  useEffect(() => {
    // What comes last is drawn a little later: Markdown, pictures, what it took.
    until.current = busy ? Infinity : performance.now() + SETTLING_MS;
  }, [busy]);
  useEffect(() => {
    const page = document.documentElement;
    const look = () => {
      following.current = page.scrollHeight - page.scrollTop - page.clientHeight < NEAR_PX;
    };
    const observer = new ResizeObserver(() => {
      if (following.current && performance.now() < until.current) window.scrollTo({ top: page.scrollHeight });
    });
    window.addEventListener("scroll", look, { passive: true });
    if (content.current) observer.observe(content.current);
    return () => {
      window.removeEventListener("scroll", look);
      observer.disconnect();
    };
  }, []);
  const follow = () => {
    following.current = true;
  };
  return { content, follow };
}

function Welcome({ onStart }: { onStart: (text: string, tools?: readonly string[]) => void }) {
  const { providers } = useLLM();
  const can = useMay();
  const keyless = providers.length > 0 && providers.every((one) => !one.available || one.id === "mock");
  return (
    <div className="flex flex-col gap-4 pt-[12vh]">
      {keyless && (
        <p className="rounded-md bg-warn-wash px-3 py-2 text-sm text-warn">
          No provider has a key yet, so the mock answers: every word of it is made up.{" "}
          {can("admin", "manage") && (
            <Link to="/providers" className="underline underline-offset-2">
              Add a key
            </Link>
          )}
        </p>
      )}
      <div>
        <h2 className="text-base font-semibold">Ask any model that the gateway reaches</h2>
        <p className="text-sm text-soft">
          It goes the way your programs’ requests go: routed, retried, counted. Choose a model below, or let
          the gateway choose.
        </p>
      </div>
      <ul className="flex flex-col items-start gap-1.5">
        {STARTERS.map(({ text, tools }) => (
          <li key={text}>
            <Button
              size="sm"
              className="h-auto min-h-7 text-left whitespace-normal"
              onClick={() => onStart(text, tools)}
            >
              {text}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
