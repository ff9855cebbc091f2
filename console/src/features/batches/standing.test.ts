import { describe, expect, it } from "vitest";
import { type Batch, endOf, isGoing, isOpen, nameOf, standing } from "./standing";

const batch = (more: Partial<Batch> = {}): Batch =>
  ({
    id: "batch_1",
    status: "in_progress",
    metadata: null,
    request_counts: { total: 40, completed: 10, failed: 2 },
    wye: { cost_usd: 0, unknown_costs: 0, waits_for: null },
    completed_at: null,
    failed_at: null,
    expired_at: null,
    cancelled_at: null,
    ...more,
  }) as Batch;

describe("standing", () => {
  it("says how far a batch is", () => {
    expect(standing(batch())).toEqual({
      tone: "accent",
      label: "in progress",
      part: 0.3,
      progress: "12 of 40",
    });
  });

  it("says that it waits, and not only that it is in progress", () => {
    const waits = batch({ wye: { cost_usd: 0, unknown_costs: 0, waits_for: "the budget is used up" } });
    expect(standing(waits)).toMatchObject({ tone: "warn", label: "waiting" });
  });

  it("does not call a batch good of which lines failed", () => {
    const some = { total: 4, completed: 3, failed: 1 };
    const all = { total: 4, completed: 0, failed: 4 };
    const none = { total: 4, completed: 4, failed: 0 };
    expect(standing(batch({ status: "completed", request_counts: some })).tone).toBe("warn");
    expect(standing(batch({ status: "completed", request_counts: all })).tone).toBe("bad");
    expect(standing(batch({ status: "completed", request_counts: none })).tone).toBe("good");
  });

  it("has no part where nobody knows how much there is", () => {
    const empty = { total: 0, completed: 0, failed: 0 };
    expect(standing(batch({ status: "validating", request_counts: empty }))).toMatchObject({
      part: null,
      progress: "being checked",
    });
    expect(standing(batch({ status: "failed", request_counts: empty })).progress).toBe(
      "the file is not in order",
    );
  });

  it("knows what still changes and what can be cancelled", () => {
    expect([isOpen(batch()), isGoing(batch())]).toEqual([true, true]);
    expect([isOpen(batch({ status: "cancelling" })), isGoing(batch({ status: "cancelling" }))]).toEqual([
      true,
      false,
    ]);
    expect([isOpen(batch({ status: "expired" })), isGoing(batch({ status: "expired" }))]).toEqual([
      false,
      false,
    ]);
  });

  it("calls a batch by its name and knows when it ended", () => {
    expect(nameOf(batch())).toBe("batch_1");
    expect(nameOf(batch({ metadata: { name: "nightly.jsonl" } }))).toBe("nightly.jsonl");
    expect([endOf(batch()), endOf(batch({ cancelled_at: 7 }))]).toEqual([null, 7]);
  });
});
