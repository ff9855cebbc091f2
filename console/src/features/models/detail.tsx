import { Link } from "@tanstack/react-router";
import { GitCompareArrows } from "lucide-react";
import { query } from "@/shared/api/client";
import { count, day, duration, money, percent, perMillion, tokens, words } from "@/shared/lib/format";
import { useModels } from "@/shared/llm/useModels";
import { useLLM } from "@/shared/llm/LLMContext";
import { Badge, Status } from "@/shared/ui/badge";
import { Button, buttonClass } from "@/shared/ui/button";
import { Facts } from "@/shared/ui/card";
import { CopyButton } from "@/shared/ui/copy";
import { Sheet } from "@/shared/ui/dialog";
import { EmptyState } from "@/shared/ui/states";
import { useObserved } from "./observed";

/** Everything that is known of one model, and what was seen of it. */
export function ModelDetail({
  id,
  onClose,
  chosen,
  onChoose,
}: {
  id: string;
  onClose: () => void;
  chosen: boolean;
  onChoose: () => void;
}) {
  const models = useModels();
  const model = models.data?.find((one) => one.fullId === id);
  const observed = useObserved().get(id);
  const { providers } = useLLM();
  const health = providers.find((one) => one.id === model?.provider)?.asked[id];
  return (
    <Sheet
      open={id !== ""}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={model?.name ?? id}
      description={
        <span className="inline-flex items-center gap-1 font-mono text-xs">
          {id}
          <CopyButton text={id} label="Copy the name" />
        </span>
      }
      footer={
        model && (
          <>
            <Button icon={GitCompareArrows} onClick={onChoose}>
              {chosen ? "Do not compare" : "Add to the comparison"}
            </Button>
            {model.available && (
              <Link to="/playground" search={{ model: id }} className={buttonClass("primary")}>
                Try it
              </Link>
            )}
          </>
        )
      }
    >
      {!model && models.data && (
        <EmptyState title="No model has this name">
          It may have been renamed, or its provider does not list it any more.
        </EmptyState>
      )}
      {model && (
        <div className="flex flex-col gap-5">
          <div className="flex flex-wrap items-center gap-2">
            <Status tone={model.available ? "good" : "neutral"}>
              {model.available ? "Can be asked now" : (model.whyNot ?? "Cannot be asked now")}
            </Status>
            {model.deprecated && (
              <Badge tone="warn">{model.retiresOn ? `retires ${day(model.retiresOn)}` : "retiring"}</Badge>
            )}
            {model.openSource && <Badge>open weights</Badge>}
          </div>
          {model.description !== "" && <p className="text-sm text-soft">{model.description}</p>}
          <section>
            <h3 className="mb-2 text-sm font-semibold">As documented</h3>
            <Facts
              rows={[
                ["Input", `${perMillion(model.costPer1kTokens.input)} per million tokens`],
                ["Output", `${perMillion(model.costPer1kTokens.output)} per million tokens`],
                ["Context", `${tokens(model.contextWindow)} tokens`],
                ["Longest answer", `${tokens(model.maxTokens)} tokens`],
                ["Quality", model.qualityTier],
                ["Speed", model.latencyTier.replace("-", " ")],
                model.tags.length > 0 && ["Tags", model.tags.join(", ")],
              ]}
            />
          </section>
          <section>
            <h3 className="mb-2 text-sm font-semibold">As seen in 30 days</h3>
            {observed ? (
              <Facts
                rows={[
                  ["Requests", count(observed.requests)],
                  ["Success", percent(observed.successRate)],
                  ["First token, median", duration(observed.firstTokenMs)],
                  ["Whole answer, median", duration(observed.durationMs)],
                  [
                    "Output",
                    observed.tokensPerSecond === null
                      ? "–"
                      : `${count(observed.tokensPerSecond)} tokens a second`,
                  ],
                  ["Cost of a request", money(observed.costPerRequest)],
                  health !== undefined && [
                    "Breaker",
                    health.circuitBreaker.state.toLowerCase().replace("_", " "),
                  ],
                  health?.reason != null && ["Held against it", health.reason],
                ]}
              />
            ) : (
              <p className="text-sm text-soft">Nobody asked it yet.</p>
            )}
          </section>
          <Prices provider={model.provider} id={id} />
          <section>
            <h3 className="mb-2 text-sm font-semibold">Can do</h3>
            <ul className="flex flex-wrap gap-1">
              {model.capabilities.map((name) => (
                <li key={name}>
                  <Badge>{words(name)}</Badge>
                </li>
              ))}
            </ul>
          </section>
        </div>
      )}
    </Sheet>
  );
}

/** The same model elsewhere, by its own id at other providers, with its price there. */
function Prices({ provider, id }: { provider: string; id: string }) {
  const models = useModels();
  const bare = id.split("/").at(-1);
  const others =
    models.data?.filter((one) => one.provider !== provider && one.fullId.split("/").at(-1) === bare) ?? [];
  const status = query.useQuery("get", "/api/llm-providers/status");
  if (others.length === 0) return null;
  return (
    <section>
      <h3 className="mb-2 text-sm font-semibold">Also at</h3>
      <Facts
        rows={others.map(
          (one) =>
            [
              status.data?.providers[one.provider]?.name ?? one.provider,
              `${perMillion(one.costPer1kTokens.input)} in, ${perMillion(one.costPer1kTokens.output)} out`,
            ] as const,
        )}
      />
    </section>
  );
}
