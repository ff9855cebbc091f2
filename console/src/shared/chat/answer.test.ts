import { describe, expect, it } from "vitest";
import { type Answer, begun, ended, heard, textOf } from "./answer";
import { type StreamEvent, reader } from "./stream";

const call = (id: string): StreamEvent => ({
  type: "toolCall",
  id,
  name: "calculator",
  arguments: "{}",
  round: 1,
  pending: false,
});
const result = (id: string, success = true): StreamEvent => ({
  type: "toolResult",
  id,
  name: "calculator",
  success,
  arguments: "{}",
  result: "7",
  round: 1,
  seconds: 0.1,
});
const all = (events: StreamEvent[], from: Answer = begun(0)) =>
  events.reduce((answer, event, at) => heard(answer, event, 10 * (at + 1)), from);

describe("an answer as it comes", () => {
  it("keeps what was thought, said and called in the order in which it came", () => {
    const answer = all([
      { type: "start", conversation: "conv_1", requestId: "req_1" },
      { type: "reasoning", text: "hm" },
      { type: "content", text: "Let me " },
      { type: "content", text: "see." },
      call("a"),
      result("a"),
      { type: "content", text: "It is 7." },
    ]);
    expect(answer.steps.map((step) => step.kind)).toEqual(["reasoning", "text", "tool", "text"]);
    expect(textOf(answer)).toBe("Let me see.\n\nIt is 7.");
    expect(answer.firstMs).toBe(20);
    expect(answer.conversation).toBe("conv_1");
  });

  it("gives each result to its own call, and says which failed", () => {
    const { steps } = all([call("a"), call("b"), result("b", false), result("a")]);
    expect(steps).toMatchObject([
      { id: "a", state: "done", result: "7" },
      { id: "b", state: "failed" },
    ]);
  });

  it("leaves no tool running when it was stopped", () => {
    const answer = ended(all([call("a")]), "stopped", 90);
    expect(answer.steps).toMatchObject([{ state: "left" }]);
    expect(answer.totalMs).toBe(90);
  });
});

describe("a stream that is read", () => {
  it("waits for the rest of an event that is cut in two, and passes comments over", () => {
    const read = reader();
    expect(read('data: {"type":"con')).toEqual([]);
    expect(read('tent","text":"a"}\n\n: keep-alive\n\ndata: 2\r\n\r\n')).toEqual([
      '{"type":"content","text":"a"}',
      "2",
    ]);
  });
});
