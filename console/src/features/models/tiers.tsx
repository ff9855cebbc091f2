import { words } from "@/shared/lib/format";
import { Badge } from "@/shared/ui/badge";
import { Tip } from "@/shared/ui/tooltip";

/** From the best to the least, as they sort. */
export const QUALITY: readonly string[] = ["highest", "high", "good", "testing", "experimental"];
export const LATENCY: readonly string[] = ["very-fast", "fast", "medium", "slow"];

/** What tells models apart; that they stream and take text does not. */
const TELLING: Record<string, string> = {
  vision: "vision",
  "function-calling": "tools",
  reasoning: "reasoning",
  pdf: "PDF",
  audio: "audio",
  "image-generation": "images",
  embeddings: "embeddings",
  rerank: "rerank",
  transcription: "speech",
};
const SHOWN = 3;

/** The few capabilities that matter most, and all of them when pointed at. */
export function Capabilities({ of }: { of: readonly string[] }) {
  const telling = Object.keys(TELLING).filter((name) => of.includes(name));
  return (
    <Tip text={of.map(words).join(", ")}>
      <span className="inline-flex gap-1">
        {telling.slice(0, SHOWN).map((name) => (
          <Badge key={name}>{TELLING[name]}</Badge>
        ))}
        {telling.length > SHOWN && <span className="text-xs text-faint">+{telling.length - SHOWN}</span>}
      </span>
    </Tip>
  );
}
