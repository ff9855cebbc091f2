import { useState } from "react";
import { query } from "@/shared/api/client";
import { useParam } from "@/shared/lib/url";
import { ModelSelector } from "@/shared/llm/ModelSelector";
import { Button } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { Checkbox, Field, Select, Textarea } from "@/shared/ui/field";
import { EmptyState, ErrorState } from "@/shared/ui/states";
import { Picture } from "./picture";
import { STRATEGIES } from "./strategies";

const NEEDS = [
  { value: "function-calling", label: "Tools" },
  { value: "vision", label: "Images" },
  { value: "json-schema", label: "JSON schema" },
  { value: "reasoning", label: "Reasoning" },
];

/** Where a prompt would go, and why; nothing is asked. What is typed stays out of the address. */
export function Explain() {
  const [prompt, setPrompt] = useState("");
  const [model, setModel] = useParam("model", "auto");
  const [strategy, setStrategy] = useParam("strategy", "");
  const [needs, setNeeds] = useParam("needs", "");
  const wanted = needs.split(",").filter(Boolean);
  const asking = query.useMutation("post", "/api/llm-providers/explain", { meta: { quiet: true } });
  const ask = () => {
    if (prompt.trim() === "" || asking.isPending) return;
    asking.mutate({
      body: {
        prompt,
        model,
        context: { ...(strategy === "" ? {} : { strategy }), requiredCapabilities: wanted },
      },
    });
  };
  return (
    <Card title="Where would it go?" note="nothing is asked of any provider">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <Field label="Prompt">
          <Textarea
            rows={2}
            placeholder="Summarise the report in three lines."
            value={prompt}
            onChange={(event) => setPrompt(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask();
            }}
          />
        </Field>
        <div className="flex flex-wrap items-end gap-3">
          <Field label="Model" className="min-w-0 flex-1 basis-52">
            <ModelSelector label="Model" value={model} onValue={setModel} />
          </Field>
          <Field label="Strategy" className="basis-44">
            <Select
              value={strategy}
              onValue={setStrategy}
              options={[{ value: "", label: "The gateway's" }, ...STRATEGIES]}
            />
          </Field>
          <Button look="primary" type="submit" busy={asking.isPending} disabled={prompt.trim() === ""}>
            Explain
          </Button>
        </div>
        <fieldset className="flex flex-wrap gap-x-4 gap-y-1">
          <legend className="sr-only">What it must be able to do</legend>
          {NEEDS.map((need) => (
            <Checkbox
              key={need.value}
              label={need.label}
              checked={wanted.includes(need.value)}
              onChecked={(on) =>
                setNeeds(
                  (on ? [...wanted, need.value] : wanted.filter((one) => one !== need.value)).join(","),
                )
              }
            />
          ))}
        </fieldset>
      </form>
      <div className="mt-4 border-t pt-4" aria-live="polite">
        {asking.error != null ? (
          <ErrorState error={asking.error} className="py-4" />
        ) : asking.data ? (
          <Picture plan={asking.data} />
        ) : (
          <EmptyState title="Type a prompt to see its way" className="py-6">
            Who is asked first, who stands in, how each scores, and which models were left out and why.
          </EmptyState>
        )}
      </div>
    </Card>
  );
}
