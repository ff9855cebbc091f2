import { useQueryClient } from "@tanstack/react-query";
import { MoreHorizontal, Pencil, PlugZap, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { type Schema, query } from "@/shared/api/client";
import { duration } from "@/shared/lib/format";
import { useMay } from "@/shared/session";
import { Status } from "@/shared/ui/badge";
import { Button, IconButton } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { Confirm } from "@/shared/ui/dialog";
import { Menu } from "@/shared/ui/menu";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { SimpleTable } from "@/shared/ui/simple-table";
import { ModelConfig } from "./ModelConfig";

type Own = Schema["OwnModelView"];

/** The models that the caller brought along. */
export function OwnModels({ onAdd }: { onAdd: () => void }) {
  const can = useMay();
  const client = useQueryClient();
  const own = query.useQuery("get", "/api/models/own");
  const [changing, setChanging] = useState<Own | null>(null);
  const [dropping, setDropping] = useState<Own | null>(null);
  const again = () => {
    void client.invalidateQueries({ queryKey: ["get", "/api/models/own"] });
    void client.invalidateQueries({ queryKey: ["get", "/api/models"] });
  };
  const trying = query.useMutation("post", "/api/models/{model_id}/test");
  const removing = query.useMutation("delete", "/api/models/{model_id}", {
    onSuccess: () => {
      again();
      setDropping(null);
    },
  });
  return (
    <Card flush>
      <Loaded of={own}>
        {({ models }) =>
          models.length === 0 ? (
            <EmptyState
              title="You brought no model along"
              action={
                can("manage") && (
                  <Button icon={Plus} onClick={onAdd}>
                    Add a model of your own
                  </Button>
                )
              }
            >
              A server that speaks OpenAI's API, or a provider with your own key. It answers your requests
              alone.
            </EmptyState>
          ) : (
            <SimpleTable
              label="Your own models"
              head={["Name", "At", "Model", "Key", "State", ""]}
              rows={models.map((model) => ({
                id: model.id,
                cells: [
                  <span key="name" className="font-medium">
                    {model.name}
                  </span>,
                  model.baseUrl ?? model.provider,
                  <span key="id" className="font-mono text-xs">
                    {model.modelId}
                  </span>,
                  <span key="key" className="font-mono text-xs">
                    {model.apiKey ?? "none"}
                  </span>,
                  <State
                    key="state"
                    model={model}
                    tried={trying.variables?.params.path.model_id === model.id ? trying : null}
                  />,
                  can("manage") && (
                    <div key="more" className="flex justify-end">
                      <Menu
                        trigger={
                          <IconButton icon={MoreHorizontal} size="sm" label={`More for ${model.name}`} />
                        }
                        actions={[
                          {
                            label: "Test",
                            icon: PlugZap,
                            onSelect: () => trying.mutate({ params: { path: { model_id: model.id } } }),
                          },
                          { label: "Change", icon: Pencil, onSelect: () => setChanging(model) },
                          null,
                          { label: "Delete", icon: Trash2, danger: true, onSelect: () => setDropping(model) },
                        ]}
                      />
                    </div>
                  ),
                ],
              }))}
            />
          )
        }
      </Loaded>
      {changing && <ModelConfig key={changing.id} model={changing} onClose={() => setChanging(null)} />}
      <Confirm
        open={dropping !== null}
        onOpenChange={() => setDropping(null)}
        title={`Delete ${dropping?.name ?? ""}?`}
        consequence="Requests that name it are refused from then on. What it answered stays in the books; its key is deleted."
        action="Delete model"
        busy={removing.isPending}
        onConfirm={() => {
          if (dropping) removing.mutate({ params: { path: { model_id: dropping.id } } });
        }}
      />
    </Card>
  );
}

function State({
  model,
  tried,
}: {
  model: Own;
  tried: { isPending: boolean; data?: Schema["TryView"] } | null;
}) {
  if (tried?.isPending) return <Status tone="accent">trying…</Status>;
  if (tried?.data) {
    const seconds = tried.data.steps.reduce((sum, step) => sum + step.seconds, 0);
    const wrong = tried.data.steps.find((step) => step.ok === false);
    return (
      <Status tone={tried.data.ok ? "good" : "bad"} className="whitespace-normal">
        {tried.data.ok ? `answers, ${duration(seconds * 1000)}` : (wrong?.told ?? "does not answer")}
      </Status>
    );
  }
  return (
    <Status tone={model.isEnabled ? "good" : "neutral"}>{model.isEnabled ? "in use" : "switched off"}</Status>
  );
}
