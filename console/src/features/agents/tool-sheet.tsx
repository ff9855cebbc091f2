import { Play } from "lucide-react";
import { useState } from "react";
import { type Schema, query } from "@/shared/api/client";
import { duration } from "@/shared/lib/format";
import { useMay } from "@/shared/session";
import { Badge, Status } from "@/shared/ui/badge";
import { Button } from "@/shared/ui/button";
import { Code } from "@/shared/ui/copy";
import { Sheet } from "@/shared/ui/dialog";
import { Field, Textarea } from "@/shared/ui/field";
import { laidOut } from "@/shared/chat/answer-view";
import { ErrorLine } from "@/shared/ui/states";
import { argumentsOf, readArguments, startOf } from "./schema";

/** One tool: its arguments, its schema, and a way to run it as a model would. */
export function ToolSheet({ tool, onClose }: { tool: Schema["ToolView"]; onClose: () => void }) {
  const can = useMay();
  return (
    <Sheet
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={tool.name}
      description={tool.description}
      wide
    >
      <div className="flex flex-col gap-5">
        {tool.usable ? (
          can("use") && <Try tool={tool} />
        ) : (
          <p className="rounded-md bg-warn-wash px-3 py-2 text-sm text-warn">{tool.whyNot}</p>
        )}
        <Arguments of={tool} />
        <details>
          <summary className="text-sm font-medium">Schema</summary>
          <div className="mt-2">
            <Code text={JSON.stringify(tool.parameters, null, 2)} label="Copy the schema" />
          </div>
        </details>
      </div>
    </Sheet>
  );
}

function Arguments({ of }: { of: Schema["ToolView"] }) {
  const rows = argumentsOf(of.parameters);
  if (rows.length === 0) return <p className="text-sm text-soft">It takes no arguments.</p>;
  return (
    <section aria-label="Arguments">
      <h3 className="mb-1 text-sm font-medium">Arguments</h3>
      <dl className="divide-y">
        {rows.map((one) => (
          <div key={one.name} className="grid gap-x-4 gap-y-0.5 py-2 sm:grid-cols-[11rem_1fr]">
            <dt className="flex flex-wrap items-baseline gap-x-2">
              <span className="font-mono text-xs font-medium">{one.name}</span>
              <span className="text-xs text-faint">{one.type}</span>
              {one.required && <Badge tone="accent">required</Badge>}
            </dt>
            <dd className="text-sm text-soft">
              {one.about}
              {one.choices.length > 0 && (
                <span className="mt-0.5 block font-mono text-xs text-faint">{one.choices.join(" · ")}</span>
              )}
              {one.byDefault !== null && (
                <span className="block text-xs text-faint">
                  Without it: <span className="font-mono">{one.byDefault}</span>
                </span>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Try({ tool }: { tool: Schema["ToolView"] }) {
  const [text, setText] = useState(() => startOf(tool.parameters));
  const read = readArguments(text);
  const run = query.useMutation("post", "/api/tools/{tool}", { meta: { quiet: true } });
  const go = () => {
    if ("value" in read)
      run.mutate({ params: { path: { tool: tool.name } }, body: { arguments: read.value as never } });
  };
  return (
    <section aria-label="Run it" className="flex flex-col gap-3">
      <Field label="Run it with" error={"problem" in read ? read.problem : undefined}>
        <Textarea
          rows={Math.min(12, text.split("\n").length + 1)}
          spellCheck={false}
          className="font-mono text-xs"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) go();
          }}
        />
      </Field>
      <div className="flex flex-wrap items-center gap-3">
        <Button look="primary" icon={Play} busy={run.isPending} disabled={"problem" in read} onClick={go}>
          Run
        </Button>
        {run.data && (
          <span data-figures className="flex items-center gap-3 text-xs text-faint">
            <Status tone={run.data.isError ? "bad" : "good"} className="text-xs">
              {run.data.isError ? "Failed" : "Answered"}
            </Status>
            {duration(run.data.seconds * 1000)}
            {run.data.cut && <span>cut: there was more</span>}
          </span>
        )}
      </div>
      <ErrorLine error={run.error} />
      {run.data && (
        <div className="max-h-96 overflow-y-auto">
          <Code text={laidOut(run.data.text)} label="Copy the result" />
        </div>
      )}
    </section>
  );
}
