import { useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { type Schema, query } from "@/shared/api/client";
import { Button } from "@/shared/ui/button";
import { Code } from "@/shared/ui/copy";
import { Dialog } from "@/shared/ui/dialog";
import { FormDialog } from "@/shared/ui/form-dialog";
import { EMPTY, bodyOf, limitProblems } from "./draft";
import { KeyFields } from "./fields";

/** Make a key; it is shown once, right then. */
export function CreateKey({ look = "primary" }: { look?: "primary" | "plain" }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look={look} icon={Plus} onClick={() => setOpen(true)}>
        Create key
      </Button>
      {open && <Form onClose={() => setOpen(false)} />}
    </>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState(EMPTY);
  const create = query.useMutation("post", "/api/keys", {
    meta: { quiet: true },
    onSuccess: () => client.invalidateQueries({ queryKey: ["get", "/api/keys"] }),
  });
  if (create.data) return <ShownOnce made={create.data} onClose={onClose} />;
  const wrong =
    draft.name.trim() === "" ||
    draft.scopes.length === 0 ||
    Object.keys(limitProblems(draft.limits)).length > 0;
  const { teamId, ...rest } = bodyOf(draft);
  const body = { ...rest, ...(teamId ? { teamId } : {}), ...(draft.userId ? { userId: draft.userId } : {}) };
  return (
    <FormDialog
      title="Create a key"
      description="Programs show it to the gateway instead of a provider's key."
      action="Create key"
      busy={create.isPending}
      disabled={wrong}
      error={create.error}
      onSend={() => create.mutate({ body })}
      onClose={onClose}
    >
      <KeyFields draft={draft} onDraft={setDraft} isNew />
    </FormDialog>
  );
}

/** The one moment in which a key can be seen. */
export function ShownOnce({ made, onClose }: { made: Schema["NewVirtualKeyView"]; onClose: () => void }) {
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`The key “${made.name}”`}
      description="Copy it now: it is kept nowhere and cannot be shown again."
      footer={
        <Button look="primary" onClick={onClose}>
          I have copied it
        </Button>
      }
    >
      <div className="flex flex-col gap-3">
        <Code text={made.key} label="Copy the key" />
        <p className="text-sm text-soft">Try it:</p>
        <Code
          text={`curl ${location.origin}/v1/chat/completions \\\n  -H "authorization: Bearer ${made.key}" \\\n  -H "content-type: application/json" \\\n  -d '{"model": "auto", "messages": [{"role": "user", "content": "Hello!"}]}'`}
          label="Copy the request"
        />
      </div>
    </Dialog>
  );
}
