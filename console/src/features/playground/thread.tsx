import { ChevronLeft, ChevronRight, FileText, Pencil, RefreshCw } from "lucide-react";
import { type ReactNode, useState } from "react";
import { type Answer, kept, textOf } from "@/shared/chat/answer";
import { AnswerView } from "@/shared/chat/answer-view";
import { bytes } from "@/shared/lib/format";
import { Button, IconButton } from "@/shared/ui/button";
import { CopyButton } from "@/shared/ui/copy";
import { Textarea } from "@/shared/ui/field";
import type { Message, useThread } from "./use-thread";

/** What was said, the oldest first. */
export function Thread({ thread }: { thread: ReturnType<typeof useThread> }) {
  const { messages, pending, seen, busy } = thread;
  const turnTo = (head: string) => void thread.turnTo(head);
  return (
    <ol aria-label="Conversation" className="flex flex-col gap-5">
      {messages.map((message) => (
        <li key={message.id} className="min-w-0">
          {message.role === "user" ? (
            <Asked
              text={message.text}
              attachments={message.attachments.map((one) => ({
                ...one,
                picture: one.mediaType.startsWith("image/") ? one.url : null,
              }))}
              onEdit={busy ? undefined : (text) => void thread.edit(message, text)}
              branches={<Branches of={message} onTurn={turnTo} disabled={busy} />}
            />
          ) : (
            <AnswerView
              answer={seen[message.id] ?? kept(message)}
              actions={
                <>
                  <Branches of={message} onTurn={turnTo} disabled={busy} />
                  <CopyButton text={message.text} label="Copy the answer" />
                  <IconButton
                    icon={RefreshCw}
                    size="sm"
                    label="Answer again"
                    disabled={busy}
                    onClick={() => void thread.regenerate(message)}
                  />
                </>
              }
            />
          )}
        </li>
      ))}
      {pending?.question && (
        <li className="min-w-0">
          <Asked text={pending.question.text} attachments={pending.question.attachments} />
        </li>
      )}
      {pending?.answer && (
        <li className="min-w-0">
          <AnswerView
            answer={pending.answer}
            actions={<Again answer={pending.answer} onAgain={thread.again} />}
          />
        </li>
      )}
    </ol>
  );
}

/** For an answer that came to no good, or was stopped before it was kept. */
function Again({ answer, onAgain }: { answer: Answer; onAgain: () => unknown }) {
  if (answer.state === "done") return null;
  const text = textOf(answer);
  return (
    <>
      {text && <CopyButton text={text} label="Copy the answer" />}
      <Button size="sm" icon={RefreshCw} onClick={() => void onAgain()}>
        Ask again
      </Button>
    </>
  );
}

interface Shown {
  name: string;
  size: number;
  picture: string | null;
  url?: string;
}

function Asked({
  text,
  attachments,
  onEdit,
  branches,
}: {
  text: string;
  attachments: readonly Shown[];
  onEdit?: (text: string) => void;
  branches?: ReactNode;
}) {
  const [draft, setDraft] = useState<string | null>(null);
  if (draft !== null && onEdit) {
    const save = () => {
      setDraft(null);
      if (draft.trim() && draft.trim() !== text) onEdit(draft.trim());
    };
    return (
      <div className="flex flex-col gap-2">
        <Textarea
          aria-label="Say instead"
          rows={Math.min(12, draft.split("\n").length + 1)}
          value={draft}
          ref={(element) => element?.focus()}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") setDraft(null);
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
          }}
        />
        <div className="flex justify-end gap-2">
          <Button size="sm" onClick={() => setDraft(null)}>
            Cancel
          </Button>
          <Button size="sm" look="primary" onClick={save}>
            Ask this instead
          </Button>
        </div>
      </div>
    );
  }
  return (
    <div className="group flex flex-col items-end gap-1">
      <div className="max-w-[88%] min-w-0 rounded-lg bg-sunken px-3 py-2">
        {text !== "" && <p className="whitespace-pre-wrap [overflow-wrap:anywhere]">{text}</p>}
        {attachments.length > 0 && <Along of={attachments} />}
      </div>
      {(onEdit ?? branches) != null && (
        <div className="flex items-center gap-0.5">
          {branches}
          <CopyButton text={text} label="Copy the question" />
          {onEdit && (
            <IconButton
              icon={Pencil}
              size="sm"
              label="Say something else instead"
              onClick={() => setDraft(text)}
            />
          )}
        </div>
      )}
    </div>
  );
}

function Along({ of }: { of: readonly Shown[] }) {
  return (
    <ul aria-label="Sent along" className="mt-2 flex flex-wrap gap-2 first:mt-0">
      {of.map((one, at) => (
        <li key={at}>
          {one.picture !== null ? (
            <img src={one.picture} alt={one.name} className="max-h-48 rounded-md border object-contain" />
          ) : (
            <span className="flex items-center gap-1.5 rounded-md border bg-panel px-2 py-1 text-xs">
              <FileText size={14} aria-hidden className="text-faint" />
              {one.url ? (
                <a href={one.url} className="text-accent hover:underline">
                  {one.name}
                </a>
              ) : (
                one.name
              )}
              <span className="text-faint">{bytes(one.size)}</span>
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

/** The others in a message's place, where there are any. */
function Branches({
  of,
  onTurn,
  disabled,
}: {
  of: Message;
  onTurn: (head: string) => void;
  disabled: boolean;
}) {
  const at = of.branches.indexOf(of.id);
  if (of.branches.length < 2) return null;
  const turn = (to: number) => () => onTurn(of.leaves[to]!);
  return (
    <span data-figures className="flex items-center text-xs text-faint">
      <IconButton
        icon={ChevronLeft}
        size="sm"
        label="The one before"
        disabled={disabled || at === 0}
        onClick={turn(at - 1)}
      />
      {at + 1} of {of.branches.length}
      <IconButton
        icon={ChevronRight}
        size="sm"
        label="The one after"
        disabled={disabled || at === of.branches.length - 1}
        onClick={turn(at + 1)}
      />
    </span>
  );
}
