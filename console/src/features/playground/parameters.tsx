import { RotateCcw } from "lucide-react";
import { type ReactNode, useState } from "react";
import { query } from "@/shared/api/client";
import { Button } from "@/shared/ui/button";
import { Checkbox, Field, Input, Select, Switch, Textarea } from "@/shared/ui/field";
import { type Asking, EFFORTS, changed } from "./asking";

/** How a model is asked: what it is told, how freely it speaks, how long, with which tools. Empty is the model's own. */
export function Parameters({
  value,
  onValue,
  agents = true,
  instructions = true,
}: {
  value: Asking;
  onValue: (changes: Partial<Asking>) => void;
  agents?: boolean;
  instructions?: boolean;
}) {
  const known = query.useQuery("get", "/api/agents", {}, { enabled: agents, staleTime: 300_000 });
  const names = known.data?.agents ?? [];
  return (
    <div className="flex flex-col gap-4">
      {agents && names.length > 0 && (
        <Field label="Agent" hint={names.find((one) => one.name === value.agent)?.description}>
          <Select
            value={value.agent}
            onValue={(agent) => onValue({ agent })}
            options={[
              { value: "", label: "None" },
              ...names.map(({ name }) => ({ value: name, label: name })),
            ]}
          />
        </Field>
      )}
      {instructions && (
        <Field label="Instructions" hint="What it is told before the conversation begins.">
          <Later value={value.instructions} onValue={(text) => onValue({ instructions: text })} />
        </Field>
      )}
      <div className="grid grid-cols-2 gap-x-3 gap-y-4">
        <Figure
          label="Temperature"
          value={value.temperature}
          onValue={(temperature) => onValue({ temperature })}
          min={0}
          max={2}
          step={0.1}
        />
        <Figure
          label="Top P"
          value={value.topP}
          onValue={(topP) => onValue({ topP })}
          min={0}
          max={1}
          step={0.05}
        />
        <Figure
          label="Most tokens"
          value={value.maxTokens}
          onValue={(maxTokens) => onValue({ maxTokens })}
          min={1}
          step={1}
        />
        <Figure
          label="Most cost, USD"
          value={value.maxCost}
          onValue={(maxCost) => onValue({ maxCost })}
          min={0}
          step={0.01}
        />
        <Field label="Reasoning">
          <Select
            value={value.effort}
            onValue={(effort) => onValue({ effort })}
            options={[{ value: "", label: "Its own" }, ...EFFORTS.map((one) => ({ value: one, label: one }))]}
          />
        </Field>
        <Figure label="Seed" value={value.seed} onValue={(seed) => onValue({ seed })} step={1} />
      </div>
      <Tools value={value.tools} onValue={(tools) => onValue({ tools })} />
      {changed(value) > 0 && (
        <Button
          size="sm"
          icon={RotateCcw}
          className="self-start"
          onClick={() =>
            onValue({
              tools: null,
              instructions: "",
              temperature: null,
              topP: null,
              maxTokens: null,
              effort: "",
              seed: null,
              maxCost: null,
            })
          }
        >
          Reset
        </Button>
      )}
    </div>
  );
}

/** A number, or nothing. Wrong ones say so and change nothing. */
function Figure({
  label,
  value,
  onValue,
  min,
  max,
  step,
}: {
  label: string;
  value: number | null;
  onValue: (value: number | null) => void;
  min?: number;
  max?: number;
  step: number;
}) {
  const [typed, setTyped] = useState<string | null>(null);
  const error = typed === null ? undefined : wrong(typed, min, max, step);
  return (
    <Field label={label} error={error}>
      <Input
        type="number"
        inputMode="decimal"
        placeholder="Its own"
        min={min}
        max={max}
        step={step}
        value={typed ?? value ?? ""}
        onChange={(event) => {
          const text = event.target.value;
          setTyped(text);
          if (wrong(text, min, max, step) === undefined) onValue(text === "" ? null : Number(text));
        }}
        onBlur={() => setTyped(null)}
      />
    </Field>
  );
}

function wrong(text: string, min = -Infinity, max = Infinity, step = 0): ReactNode {
  const value = Number(text);
  if (text === "") return undefined;
  if (!Number.isFinite(value) || value < min || value > max) {
    return max === Infinity ? `${min} or more` : `${min} to ${max}`;
  }
  return step === 1 && !Number.isInteger(value) ? "A whole number" : undefined;
}

/** Text that is taken over when the field is left: it stands in the address. */
function Later({ value, onValue }: { value: string; onValue: (text: string) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <Textarea
      rows={4}
      placeholder="You answer in one sentence."
      value={typed ?? value}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={() => {
        if (typed !== null) onValue(typed);
        setTyped(null);
      }}
    />
  );
}

function Tools({
  value,
  onValue,
}: {
  value: readonly string[] | null;
  onValue: (value: readonly string[] | null) => void;
}) {
  const tools = query.useQuery("get", "/api/tools", {}, { staleTime: 300_000 });
  const usable = (tools.data?.tools ?? []).filter((tool) => tool.usable);
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1 text-sm font-medium">Tools</legend>
      <Switch
        label="Choose which it may call"
        checked={value !== null}
        onChecked={(on) => onValue(on ? [] : null)}
      />
      {value === null ? (
        <p className="text-xs text-faint">Those that the settings give every chat.</p>
      ) : (
        <div className="flex flex-col gap-1.5">
          {usable.map((tool) => (
            <Checkbox
              key={tool.name}
              label={tool.name}
              className="font-mono text-xs"
              checked={value.includes(tool.name)}
              onChecked={(on) =>
                onValue(on ? [...value, tool.name] : value.filter((name) => name !== tool.name))
              }
            />
          ))}
          {usable.length === 0 && <p className="text-xs text-faint">There is none that you may use.</p>}
        </div>
      )}
    </fieldset>
  );
}
