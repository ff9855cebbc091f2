/** Answers as they come: server-sent events of the gateway's chats, read with the session's cookie. */
import type { Schema } from "@/shared/api/client";
import { ApiError, problemOf } from "@/shared/api/error";

export type Run = Schema["ToolRunView"];

/** What an answer took; of a chat that is kept also where it is. */
export interface Done {
  model: string | null;
  provider: string | null;
  finishReason: string | null;
  usage: {
    inputTokens: number;
    outputTokens: number;
    reasoningTokens?: number;
    cachedTokens?: number;
  } | null;
  cost: number | null;
  attempts: number;
  /** How often a model was asked: once more than tools were run. */
  rounds?: number;
  requestId: string;
  estimated?: boolean;
  conversation?: string | null;
  title?: string | null;
  userMessageId?: string | null;
  messageId?: string | null;
  context?: { truncated: number; summarised: boolean };
}

export type StreamEvent =
  | { type: "start"; conversation: string | null; requestId: string }
  | { type: "content" | "reasoning" | "refusal"; text: string }
  | { type: "citation"; url: string | null; title: string | null }
  | { type: "toolCall"; id: string; name: string; arguments: string; round: number; pending: boolean }
  | ({ type: "toolResult"; id: string } & Run)
  | ({ type: "done" } & Done)
  | { type: "error"; error: { message: string; code: string | null }; requestId: string };

/** The gateway says every few seconds that it is still there; after so much silence it is not. */
const SILENCE_MS = 90_000;

/** Cuts what comes into the data of events; what is not whole yet waits for the rest. */
export function reader(): (text: string) => string[] {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop() ?? "";
    return blocks
      .map((block) =>
        block
          .split("\n")
          .filter((line) => line.startsWith("data:"))
          .map((line) => line.slice(5).trimStart())
          .join("\n"),
      )
      .filter((data) => data !== "" && data !== "[DONE]");
  };
}

/** The analytics chat tells tokens in the documents' names; here they are the API's own. */
function told(data: string): StreamEvent {
  const event = JSON.parse(data) as StreamEvent;
  if (event.type === "done" && event.usage && "input_tokens" in event.usage) {
    const usage = event.usage as unknown as { input_tokens: number; output_tokens: number };
    event.usage = { inputTokens: usage.input_tokens, outputTokens: usage.output_tokens };
  }
  return event;
}

/** Ask, and yield what happens. Throws `ApiError` for what was refused or broke off; ends early where aborted. */
export async function* events(
  path: string,
  body: unknown,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent, void, undefined> {
  const response = await reached(path, body, signal);
  if (!response.ok || !response.body) throw await problemOf(response);
  const source = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const read = reader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await patiently(source.read());
      if (done) break;
      for (const data of read(value)) {
        const event = told(data);
        if (event.type === "error") {
          throw new ApiError(502, event.error.code ?? "failed", event.error.message, event.requestId);
        }
        ended ||= event.type === "done";
        yield event;
      }
    }
    if (!ended && !signal.aborted)
      throw new ApiError(0, "broken_off", "The answer broke off before its end.");
  } finally {
    source.cancel().catch(() => undefined);
  }
}

async function reached(path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(0, "unreachable", "The gateway cannot be reached. Is it running?");
  }
}

function patiently<T>(under: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new ApiError(0, "no_answer", `Nothing came for ${SILENCE_MS / 1000} seconds.`)),
      SILENCE_MS,
    );
    under.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
