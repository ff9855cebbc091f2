/** One answer: what was said, thought and called in the order in which it came, and what it took. */
import type { Schema } from "@/shared/api/client";
import type { Done, StreamEvent } from "./stream";

export interface ToolStep {
  kind: "tool";
  id: string;
  name: string;
  /** JSON text. */
  arguments: string;
  round: number;
  /** `left`: it is the caller's to run, or the rounds were over. */
  state: "running" | "done" | "failed" | "left";
  result: string | null;
  seconds: number | null;
}
export type Step = { kind: "text"; text: string } | { kind: "reasoning"; text: string } | ToolStep;

export interface Answer {
  state: "waiting" | "coming" | "done" | "stopped" | "failed";
  steps: readonly Step[];
  refusal: string;
  sources: readonly { url: string | null; title: string | null }[];
  error: unknown;
  took: Done | null;
  conversation: string | null;
  startedAt: number;
  /** Milliseconds since it was asked. */
  firstMs: number | null;
  totalMs: number | null;
}

export function begun(now: number): Answer {
  return {
    state: "waiting",
    steps: [],
    refusal: "",
    sources: [],
    error: null,
    took: null,
    conversation: null,
    startedAt: now,
    firstMs: null,
    totalMs: null,
  };
}

export function isOpen(answer: Answer | null): boolean {
  return answer?.state === "waiting" || answer?.state === "coming";
}

/** The answer's text, all of it. */
export function textOf(answer: Answer): string {
  return answer.steps
    .filter((step) => step.kind === "text")
    .map((step) => step.text)
    .join("\n\n");
}

export function heard(answer: Answer, event: StreamEvent, now: number): Answer {
  const first = answer.firstMs ?? now - answer.startedAt;
  switch (event.type) {
    case "start":
      return { ...answer, conversation: event.conversation };
    case "content":
      return { ...answer, state: "coming", firstMs: first, steps: more(answer.steps, "text", event.text) };
    case "reasoning":
      return {
        ...answer,
        state: "coming",
        firstMs: first,
        steps: more(answer.steps, "reasoning", event.text),
      };
    case "refusal":
      return { ...answer, state: "coming", firstMs: first, refusal: answer.refusal + event.text };
    case "citation":
      return { ...answer, sources: [...answer.sources, { url: event.url, title: event.title }] };
    case "toolCall": {
      const { id, name, round } = event;
      const step: ToolStep = {
        kind: "tool",
        id,
        name,
        arguments: event.arguments,
        round,
        state: event.pending ? "left" : "running",
        result: null,
        seconds: null,
      };
      return { ...answer, state: "coming", firstMs: first, steps: [...answer.steps, step] };
    }
    case "toolResult":
      return { ...answer, steps: answer.steps.map((step) => answered(step, event)) };
    case "done":
      return {
        ...answer,
        state: "done",
        took: event,
        conversation: event.conversation ?? answer.conversation,
        totalMs: now - answer.startedAt,
      };
    default:
      return answer;
  }
}

/** It was stopped, or failed: whatever was under way is not any more. */
export function ended(
  answer: Answer,
  state: "stopped" | "failed",
  now: number,
  error: unknown = null,
): Answer {
  return {
    ...answer,
    state,
    error,
    totalMs: now - answer.startedAt,
    steps: answer.steps.map((step) =>
      step.kind === "tool" && step.state === "running" ? { ...step, state: "left" as const } : step,
    ),
  };
}

function more(steps: readonly Step[], kind: "text" | "reasoning", text: string): readonly Step[] {
  const last = steps.at(-1);
  if (last?.kind !== kind) return [...steps, { kind, text }];
  return [...steps.slice(0, -1), { kind, text: last.text + text }];
}

function answered(step: Step, event: Extract<StreamEvent, { type: "toolResult" }>): Step {
  if (step.kind !== "tool" || step.id !== event.id || step.state !== "running") return step;
  return {
    ...step,
    state: event.success ? "done" : "failed",
    result: event.result,
    seconds: event.seconds,
  };
}

/** An answer that was kept. How long it took is not kept with it. */
export function kept(message: Schema["MessageView"]): Answer {
  const steps: Step[] = [];
  if (message.reasoning) steps.push({ kind: "reasoning", text: message.reasoning });
  message.toolsCalled.forEach((run, at) => {
    steps.push({
      kind: "tool",
      id: `${message.id}-${at}`,
      name: run.name,
      arguments: run.arguments,
      round: run.round,
      state: run.success ? "done" : "failed",
      result: run.result,
      seconds: run.seconds,
    });
  });
  message.toolCalls.forEach((call) => {
    steps.push({ kind: "tool", ...call, round: 0, state: "left", result: null, seconds: null });
  });
  if (message.text) steps.push({ kind: "text", text: message.text });
  const { model, provider, finishReason, usage, cost, attempts, requestId } = message;
  return {
    ...begun(0),
    state: finishReason === "cancelled" ? "stopped" : "done",
    steps,
    refusal: message.refusal ?? "",
    sources: message.citations,
    took: {
      model,
      provider,
      finishReason,
      usage,
      cost,
      attempts: attempts ?? 1,
      requestId: requestId ?? "",
    },
  };
}
