import { Suspense, lazy, useDeferredValue } from "react";

const Markdown = lazy(() => import("./markdown"));

/** What was said, as Markdown; as plain text until the part of the console that reads Markdown is there. */
export function Said({ text }: { text: string }) {
  const later = useDeferredValue(text);
  return (
    <Suspense fallback={<p className="whitespace-pre-wrap">{text}</p>}>
      <Markdown text={later} />
    </Suspense>
  );
}
