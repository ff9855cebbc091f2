import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { type Schema, api, query } from "@/shared/api/client";
import { type Answer, isOpen } from "@/shared/chat/answer";
import type { Attachment } from "@/shared/chat/attachments";
import { useAnswer } from "@/shared/chat/use-answer";
import { failed } from "@/shared/ui/toast";
import { type Asking, bodyOf } from "./asking";

export type Message = Schema["MessageView"];

/** A turn that is not kept yet: it stands after the first `cut` messages. */
interface Pending {
  cut: number;
  /** `null` where an answer is given again. */
  question: { text: string; attachments: readonly Pick<Attachment, "name" | "size" | "picture">[] } | null;
  path: string;
  body: unknown;
}

const TRIES = 4;
const BETWEEN_MS = 250;

/** A conversation: what is kept of it, and the turn that is under way. */
export function useThread(conversation: string, onConversation: (id: string) => void, asking: Asking) {
  const client = useQueryClient();
  const { answer, ask, stop, clear } = useAnswer();
  const [pending, setPending] = useState<Pending | null>(null);
  /** Answers of this visit: they know how long they took. */
  const [seen, setSeen] = useState<Readonly<Record<string, Answer>>>({});
  const shown = useRef(conversation);
  /** Ends when the last turn is kept, or is known not to be. */
  const settled = useRef(Promise.resolve());
  const asked = query.useQuery("get", "/api/conversations/{conversation_id}/messages", keyOf(conversation), {
    enabled: conversation !== "",
    staleTime: 0,
  });
  const messages = conversation === "" ? [] : (asked.data?.messages ?? []);

  useEffect(() => {
    if (shown.current === conversation) return;
    shown.current = conversation;
    setPending(null);
    clear();
  }, [conversation, clear]);

  const settle = useCallback(
    async (final: Answer) => {
      const id = final.took?.conversation ?? final.conversation;
      if (!id) return;
      const before = seenIds(client.getQueryData(optionsOf(id).queryKey));
      for (let tries = final.state === "done" ? 1 : TRIES; tries > 0; tries--) {
        if (final.state !== "done") await pause();
        // A conversation whose first turn came to nothing is not there at all.
        if (id !== shown.current && final.state !== "done" && !(await isKept(id))) continue;
        const told = await client.query({ ...optionsOf(id), staleTime: 0 }).catch(() => null);
        const last = told?.messages.at(-1);
        if (last?.role === "assistant" && !before.has(last.id)) {
          setSeen((all) => ({ ...all, [last.id]: final }));
          shown.current = id;
          onConversation(id);
          setPending(null);
          clear();
          break;
        }
      }
      void client.invalidateQueries({ queryKey: ["get", "/api/conversations"] });
    },
    [client, clear, onConversation],
  );

  const begin = useCallback(
    async (turn: Pending) => {
      setPending(turn);
      settled.current = ask(turn.path, turn.body).then(settle);
      await settled.current;
    },
    [ask, settle],
  );

  const send = async (text: string, attachments: readonly Attachment[]) => {
    await settled.current;
    const id = shown.current;
    await begin({
      cut: id ? seenIds(client.getQueryData(optionsOf(id).queryKey)).size : 0,
      question: { text, attachments },
      path: "/api/chat/message/stream",
      body: {
        ...bodyOf(asking),
        message: text,
        attachments: attachments.map((one) => one.form),
        ...(id && { conversation: id }),
        ...(asking.instructions && { instructions: asking.instructions }),
      },
    });
  };
  const regenerate = (message: Message) =>
    begin({
      cut: messages.indexOf(message),
      question: null,
      path: `/api/conversations/${conversation}/regenerate/stream`,
      body: { ...bodyOf(asking), messageId: message.id },
    });
  const edit = (message: Message, text: string) =>
    begin({
      cut: messages.indexOf(message),
      question: { text, attachments: message.attachments.map((one) => ({ ...one, picture: null })) },
      path: `/api/conversations/${conversation}/messages/${message.id}/edit/stream`,
      body: { ...bodyOf(asking), message: text },
    });
  const again = () => pending && begin(pending);
  /** Go on from another branch. */
  const turnTo = async (head: string) => {
    try {
      await api.PATCH("/api/conversations/{conversation_id}", { ...keyOf(conversation), body: { head } });
      await asked.refetch();
    } catch (error) {
      failed(error);
    }
  };
  return {
    asked,
    messages: pending ? messages.slice(0, pending.cut) : messages,
    pending: pending && { question: pending.question, answer },
    busy: isOpen(answer),
    seen,
    send,
    stop,
    regenerate,
    edit,
    again,
    turnTo,
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
}

async function isKept(conversation: string): Promise<boolean> {
  const { data } = await api
    .GET("/api/conversations", { params: { query: { limit: 10 } } })
    .catch(() => ({ data: undefined }));
  return data?.conversations.some((one) => one.id === conversation) ?? false;
}

function keyOf(conversation: string) {
  return { params: { path: { conversation_id: conversation } } };
}

function optionsOf(conversation: string) {
  return query.queryOptions("get", "/api/conversations/{conversation_id}/messages", keyOf(conversation));
}

function seenIds(told: Schema["MessagesView"] | undefined): ReadonlySet<string> {
  return new Set(told?.messages.map((one) => one.id));
}
