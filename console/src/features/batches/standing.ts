/** What a batch's state means to somebody who looks at it. */
import type { Schema } from "@/shared/api/client";
import type { Tone } from "@/shared/ui/badge";

export type Batch = Schema["BatchObject"];

const TONES: Record<Batch["status"], Tone> = {
  validating: "accent",
  in_progress: "accent",
  finalizing: "accent",
  completed: "good",
  cancelling: "warn",
  cancelled: "neutral",
  expired: "bad",
  failed: "bad",
};

export interface Standing {
  tone: Tone;
  label: string;
  /** The part that is done, 0 to 1; `null` where nobody knows yet how much there is. */
  part: number | null;
  /** "12 of 40", or what there is to say instead. */
  progress: string;
}

/** Whether something will still change by itself. */
export const isOpen = (batch: Batch): boolean =>
  ["validating", "in_progress", "finalizing", "cancelling"].includes(batch.status);

/** Whether it can be cancelled. */
export const isGoing = (batch: Batch): boolean => ["validating", "in_progress"].includes(batch.status);

export function standing(batch: Batch): Standing {
  const { total, completed, failed } = batch.request_counts;
  const waits = batch.status === "in_progress" && batch.wye.waits_for !== null;
  const lost = batch.status === "completed" && failed > 0;
  const tone = waits || lost ? "warn" : TONES[batch.status];
  const done = completed + failed;
  const digits = (value: number) => value.toLocaleString("en-US");
  return {
    tone: batch.status === "completed" && total > 0 && failed === total ? "bad" : tone,
    label: waits ? "waiting" : batch.status.replaceAll("_", " "),
    part: total > 0 ? done / total : null,
    progress:
      total > 0
        ? `${digits(done)} of ${digits(total)}`
        : batch.status === "failed"
          ? "the file is not in order"
          : "being checked",
  };
}

/** What it is called: by whoever made it, or else by its id. */
export const nameOf = (batch: Batch): string => batch.metadata?.name || batch.id;

/** When it ended, in seconds since the epoch. */
export const endOf = (batch: Batch): number | null =>
  batch.completed_at ?? batch.failed_at ?? batch.expired_at ?? batch.cancelled_at;
