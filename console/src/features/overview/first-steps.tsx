import { Link } from "@tanstack/react-router";
import { useLLM } from "@/shared/llm/LLMContext";
import { buttonClass } from "@/shared/ui/button";
import { Code } from "@/shared/ui/copy";

/** Shown while nothing but the stand-in answers: how to get from here to a first real answer. */
export function FirstSteps() {
  const { providers, loading } = useLLM();
  const usable = providers.filter((one) => one.available && one.needs === null);
  // Whoever may not know of providers is told of none.
  if (loading || providers.length === 0 || usable.some((one) => one.adapter !== "mock")) return null;
  return (
    <section aria-label="First steps" className="rounded-lg border border-accent bg-panel p-4">
      <h2 className="text-base font-semibold">Welcome. A stand-in answers for now.</h2>
      <p className="max-w-2xl text-sm text-soft">
        No provider has a key yet, so every answer comes from a mock that costs nothing. Put a key into the
        environment or the file <code>.env</code>; it is taken over within seconds.
      </p>
      <div className="mt-3 grid max-w-4xl gap-3 md:grid-cols-2">
        <Code text="OPENAI_API_KEY=sk-…" label="Copy the line for .env" />
        <Code
          text={`curl ${location.origin}/v1/chat/completions \\\n  -H 'content-type: application/json' \\\n  -d '{"model": "auto", "messages": [{"role": "user", "content": "Hello!"}]}'`}
          label="Copy the request"
        />
      </div>
      <div className="mt-3 flex flex-wrap gap-2">
        <Link to="/providers" className={buttonClass("primary")}>
          Add a provider key
        </Link>
        <Link to="/playground" className={buttonClass()}>
          Try the playground
        </Link>
      </div>
    </section>
  );
}
