import { useState } from "react";
import { type Schema, query } from "@/shared/api/client";
import { perMillion, tokens, words } from "@/shared/lib/format";
import { useModels } from "@/shared/llm/useModels";
import { Badge } from "@/shared/ui/badge";
import { Button } from "@/shared/ui/button";
import { Card, Meter } from "@/shared/ui/card";
import { Checkbox, Field, Input, Select } from "@/shared/ui/field";
import { EmptyState, ErrorLine } from "@/shared/ui/states";

const TASKS = [
  { value: "", label: "Anything" },
  { value: "simple", label: "Simple questions" },
  { value: "complex", label: "Hard questions" },
  { value: "coding", label: "Code" },
  { value: "creative", label: "Creative writing" },
] as const;
const OFFERED = [
  "function-calling",
  "vision",
  "json-schema",
  "reasoning",
  "pdf",
  "web-search",
  "audio",
  "prompt-caching",
];

/** Say what a model is for; see which are best for it, and why. */
export function Recommend({ onOpen }: { onOpen: (id: string) => void }) {
  const [task, setTask] = useState("");
  const [able, setAble] = useState<string[]>([]);
  const [price, setPrice] = useState("");
  const [latency, setLatency] = useState("");
  const [quality, setQuality] = useState("");
  const [context, setContext] = useState("");
  const [open, setOpen] = useState(false);
  const [usable, setUsable] = useState(true);
  const models = useModels();
  const asking = query.useMutation("post", "/api/llm-providers/models/recommend", { meta: { quiet: true } });
  const ask = () =>
    asking.mutate({
      body: {
        capabilities: ["text", ...able],
        task: task || null,
        // People compare prices per million; the API bounds them per thousand.
        maxCost: price === "" ? null : Number(price) / 1000,
        maxLatency: latency === "" ? null : Number(latency) * 1000,
        minQuality: (quality || null) as Schema["RecommendForm"]["minQuality"],
        minContextWindow: context === "" ? null : Number(context) * 1000,
        preferOpenSource: open,
        available: usable ? true : null,
        limit: 8,
      },
    });
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[20rem_1fr]">
      <Card title="What is it for?">
        <form
          className="flex flex-col gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            ask();
          }}
        >
          <Field label="Task">
            <Select value={task} onValue={setTask} options={TASKS} />
          </Field>
          <fieldset>
            <legend className="mb-1 text-sm font-medium">It must be able to do</legend>
            <div className="grid grid-cols-2 gap-1">
              {OFFERED.map((name) => (
                <Checkbox
                  key={name}
                  label={words(name)}
                  checked={able.includes(name)}
                  onChecked={(on) => setAble(on ? [...able, name] : able.filter((one) => one !== name))}
                />
              ))}
            </div>
          </fieldset>
          <div className="grid grid-cols-2 gap-3">
            <Field label="Price at most" hint="$ per million, mean">
              <Input
                type="number"
                min={0}
                step="any"
                value={price}
                onChange={(event) => setPrice(event.target.value)}
              />
            </Field>
            <Field label="Wait at most" hint="seconds to the first token">
              <Input
                type="number"
                min={0}
                step="any"
                value={latency}
                onChange={(event) => setLatency(event.target.value)}
              />
            </Field>
            <Field label="Quality at least">
              <Select
                value={quality}
                onValue={setQuality}
                options={[
                  { value: "", label: "Any" },
                  { value: "good", label: "Good" },
                  { value: "high", label: "High" },
                  { value: "highest", label: "Highest" },
                ]}
              />
            </Field>
            <Field label="Context at least" hint="thousand tokens">
              <Input
                type="number"
                min={0}
                value={context}
                onChange={(event) => setContext(event.target.value)}
              />
            </Field>
          </div>
          <Checkbox label="Prefer open weights" checked={open} onChecked={setOpen} />
          <Checkbox label="Only what can be asked now" checked={usable} onChecked={setUsable} />
          <Button type="submit" look="primary" busy={asking.isPending}>
            Recommend
          </Button>
          <ErrorLine error={asking.error} />
        </form>
      </Card>
      <Card title="Best first" note={asking.data && `of ${models.data?.length ?? 0} models`} flush>
        {!asking.data && (
          <EmptyState title="Nothing asked yet">
            Say what matters; every rank comes with its reasons.
          </EmptyState>
        )}
        {asking.data?.recommendations.length === 0 && (
          <EmptyState title="No model meets all of this">
            Ask for less: a higher price, a longer wait, fewer abilities.
          </EmptyState>
        )}
        <ol className="divide-y">
          {asking.data?.recommendations.map((one, at) => (
            <Ranked key={one.fullId} rank={at + 1} model={one} onOpen={() => onOpen(one.fullId)} />
          ))}
        </ol>
      </Card>
    </div>
  );
}

function Ranked({
  rank,
  model,
  onOpen,
}: {
  rank: number;
  model: Schema["RecommendedView"];
  onOpen: () => void;
}) {
  return (
    <li className="grid grid-cols-[1.5rem_1fr] gap-x-3 px-4 py-3 sm:grid-cols-[1.5rem_1fr_13rem]">
      <span data-figures className="text-lg leading-6 font-semibold text-faint">
        {rank}
      </span>
      <div className="min-w-0">
        <button
          type="button"
          onClick={onOpen}
          className="max-w-full truncate rounded-sm text-left font-medium hover:underline"
        >
          {model.fullId}
        </button>
        <span data-figures className="ml-2 text-xs text-faint">
          {perMillion(model.costPer1kTokens.input)} / {perMillion(model.costPer1kTokens.output)} ·{" "}
          {tokens(model.contextWindow)}
        </span>
        {!model.available && <Badge className="ml-2">not usable now</Badge>}
        <ul className="mt-1 list-inside list-disc text-sm text-soft marker:text-faint">
          {model.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      </div>
      <dl className="col-start-2 mt-2 flex flex-col gap-1.5 sm:col-start-3 sm:mt-0">
        {Object.entries(model.parts).map(([name, part]) => (
          <div key={name} className="grid grid-cols-[4.5rem_1fr_2rem] items-center gap-2 text-xs">
            <dt className="text-soft">{name}</dt>
            <dd>
              <Meter value={part} label={`${name} of ${model.fullId}`} tone="accent" />
            </dd>
            <dd data-figures className="text-right text-faint">
              {part.toFixed(2)}
            </dd>
          </div>
        ))}
      </dl>
    </li>
  );
}
