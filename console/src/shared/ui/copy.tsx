import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { Button, IconButton } from "./button";
import { failed } from "./toast";

/** Copy text; says for a moment that it did. With `children` a button with words. */
export function CopyButton({
  text,
  label = "Copy",
  children,
}: {
  text: string | (() => string);
  label?: string;
  children?: string;
}) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = () => {
    navigator.clipboard.writeText(typeof text === "string" ? text : text()).then(() => setDone(true), failed);
  };
  const icon = done ? Check : Copy;
  return children === undefined ? (
    <IconButton icon={icon} label={done ? "Copied" : label} size="sm" onClick={copy} />
  ) : (
    <Button icon={icon} size="sm" onClick={copy}>
      {done ? "Copied" : children}
    </Button>
  );
}

/** Text of a program, in its own type. */
export function Code({ text, label = "Copy" }: { text: string; label?: string }) {
  return (
    <div className="relative rounded-md border bg-sunken">
      {/* What scrolls must be reachable by keyboard. */}
      <pre
        tabIndex={0}
        role="group"
        aria-label={`Code: ${text.slice(0, 40)}`}
        className="overflow-x-auto p-3 pr-10 font-mono text-xs leading-5"
      >
        {text}
      </pre>
      <div className="absolute top-1 right-1">
        <CopyButton text={text} label={label} />
      </div>
    </div>
  );
}
