import { useEffect, useRef, useState } from "react";
import type { Schema } from "./client";

export type LiveState = "connecting" | "live" | "away";

/**
 * Hear of requests as they end, by server-sent events. The browser connects again by itself; `state` says how it is.
 *
 * `tell` gets what has come since it was last called, at most four times a second.
 */
export function useLiveRequests(
  tell: (requests: Schema["RequestView"][]) => void,
  enabled = true,
): LiveState {
  const [state, setState] = useState<LiveState>("connecting");
  const latest = useRef(tell);
  useEffect(() => {
    latest.current = tell;
  });
  useEffect(() => {
    if (!enabled) return undefined;
    const source = new EventSource("/api/usage/live");
    let waiting: Schema["RequestView"][] = [];
    const timer = setInterval(() => {
      if (waiting.length === 0) return;
      const some = waiting;
      waiting = [];
      latest.current(some);
    }, 250);
    source.onopen = () => setState("live");
    source.onerror = () => setState("away");
    source.addEventListener("request", (event) => {
      waiting.push(JSON.parse((event as MessageEvent<string>).data) as Schema["RequestView"]);
    });
    return () => {
      clearInterval(timer);
      source.close();
    };
  }, [enabled]);
  return state;
}
