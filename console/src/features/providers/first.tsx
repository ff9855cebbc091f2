import { useState } from "react";
import { useLLM } from "@/shared/llm/LLMContext";
import { ModelSelector } from "@/shared/llm/ModelSelector";
import { useMay } from "@/shared/session";
import { isChanged, useChangeSetting, useSettings } from "@/shared/settings";
import { Button } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { failed, told } from "@/shared/ui/toast";

const KEY = "routing.first";

/** What answers first where a request names no model, and switching it. */
export function GoesFirst() {
  const can = useMay();
  const { currentProvider, currentModel, providers, switchProvider } = useLLM();
  const settings = useSettings();
  const change = useChangeSetting();
  const [model, setModel] = useState("");
  const [busy, setBusy] = useState(false);
  const chosen = isChanged(settings.data?.get(KEY)) || settings.data?.get(KEY)?.value != null;
  const strategy = settings.data?.get("routing.strategy")?.value;
  const name = providers.find((one) => one.id === currentProvider)?.name ?? currentProvider;
  const switchTo = async () => {
    const [provider = "", ...rest] = model.split("/");
    setBusy(true);
    try {
      await switchProvider(provider, rest.join("/"));
      told(`${model} goes first from now on.`);
      setModel("");
    } catch (error) {
      failed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title="Goes first">
      {currentProvider === null ? (
        <p className="text-sm text-soft">Nothing can answer now. Set up a provider, or switch one on.</p>
      ) : (
        <p className="text-sm">
          <span className="font-medium">{name}</span>
          <span className="block font-mono text-xs break-all text-soft">
            {currentProvider}/{currentModel}
          </span>
          <span className="text-xs text-faint">
            {chosen
              ? "somebody switched to it"
              : typeof strategy === "string"
                ? `the strategy “${strategy}” chooses it`
                : "where a request names no model"}
          </span>
        </p>
      )}
      {can("admin") && (
        <div className="mt-3 flex flex-wrap items-center gap-2">
          <ModelSelector
            label="Model to switch to"
            value={model}
            onValue={setModel}
            strategies={false}
            className="min-w-0 flex-1"
          />
          <Button look="primary" disabled={model === ""} busy={busy} onClick={() => void switchTo()}>
            Switch
          </Button>
          {isChanged(settings.data?.get(KEY)) && (
            <Button
              look="quiet"
              size="sm"
              busy={change.busy}
              onClick={() => void change.remove(KEY, "The strategy chooses again.")}
            >
              Let the strategy choose again
            </Button>
          )}
        </div>
      )}
    </Card>
  );
}
