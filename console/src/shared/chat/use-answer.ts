import { useCallback, useEffect, useRef, useState } from "react";
import { type Answer, begun, ended, heard } from "./answer";
import { events } from "./stream";

/** Ask for one answer at a time and see it come, drawn anew at most once a frame. */
export function useAnswer() {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const under = useRef<AbortController | null>(null);
  const stop = useCallback(() => under.current?.abort(), []);
  useEffect(() => stop, [stop]);

  const ask = useCallback(async (path: string, body: unknown): Promise<Answer> => {
    under.current?.abort();
    const mine = new AbortController();
    under.current = mine;
    let now = begun(performance.now());
    let drawn = 0;
    const draw = () => {
      drawn = 0;
      if (under.current === mine) setAnswer(now);
    };
    draw();
    try {
      for await (const event of events(path, body, mine.signal)) {
        now = heard(now, event, performance.now());
        drawn ||= window.setTimeout(draw, 16);
      }
      if (mine.signal.aborted) now = ended(now, "stopped", performance.now());
    } catch (error) {
      now = ended(now, mine.signal.aborted ? "stopped" : "failed", performance.now(), error);
    }
    window.clearTimeout(drawn);
    draw();
    return now;
  }, []);

  const clear = useCallback(() => {
    under.current?.abort();
    under.current = null;
    setAnswer(null);
  }, []);
  return { answer, ask, stop, clear };
}
