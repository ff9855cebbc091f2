import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { query } from "@/shared/api/client";
import type { Provider } from "@/shared/llm/LLMContext";
import { Button } from "@/shared/ui/button";
import { Field, Input } from "@/shared/ui/field";
import { FormDialog } from "@/shared/ui/form-dialog";
import { told } from "@/shared/ui/toast";

/** Give a key of one's own, which answers one's own requests; or take it away. */
export function OwnKey({
  provider,
  masked,
  onClose,
}: {
  provider: Provider;
  masked: string | undefined;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [key, setKey] = useState("");
  const done = (what: string) => {
    void client.invalidateQueries({ queryKey: ["get", "/api/provider-keys"] });
    void client.invalidateQueries({ queryKey: ["get", "/api/models"] });
    told(what);
    onClose();
  };
  const putting = query.useMutation("put", "/api/provider-keys/{provider}", {
    meta: { quiet: true },
    onSuccess: () => done(`Your requests to ${provider.name} go with your key now.`),
  });
  const removing = query.useMutation("delete", "/api/provider-keys/{provider}", {
    meta: { quiet: true },
    onSuccess: () => done(`Your key of ${provider.name} is deleted.`),
  });
  const at = { params: { path: { provider: provider.id } } };
  return (
    <FormDialog
      title={
        masked === undefined ? `Add your key of ${provider.name}` : `Change your key of ${provider.name}`
      }
      description="It answers your requests alone, in the place of the operator's. It is kept encrypted and never shown."
      action={masked === undefined ? "Add key" : "Save"}
      busy={putting.isPending}
      disabled={key.trim() === ""}
      error={putting.error ?? removing.error}
      other={
        masked !== undefined && (
          <Button look="danger" busy={removing.isPending} onClick={() => removing.mutate(at)}>
            Delete it
          </Button>
        )
      }
      onSend={() => putting.mutate({ ...at, body: { apiKey: key.trim() } })}
      onClose={onClose}
    >
      <Field label="Key" hint={masked === undefined ? undefined : `Kept now: ${masked}`}>
        <Input
          type="password"
          autoComplete="off"
          spellCheck={false}
          value={key}
          onChange={(event) => setKey(event.target.value)}
          className="font-mono"
        />
      </Field>
    </FormDialog>
  );
}
