import { type SubmitEvent, useState } from "react";
import { Button } from "@/shared/ui/button";
import { Dialog } from "@/shared/ui/dialog";
import { Field, Input } from "@/shared/ui/field";

const LONGEST = 200;

export function Rename({
  title,
  busy,
  onSave,
  onClose,
}: {
  title: string;
  busy: boolean;
  onSave: (title: string) => void;
  onClose: () => void;
}) {
  const [text, setText] = useState(title);
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    if (text.trim()) onSave(text.trim());
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title="Rename the conversation"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form="rename" busy={busy} disabled={text.trim() === ""}>
            Rename
          </Button>
        </>
      }
    >
      <form id="rename" onSubmit={save}>
        <Field label="Title">
          <Input value={text} maxLength={LONGEST} onChange={(event) => setText(event.target.value)} />
        </Field>
      </form>
    </Dialog>
  );
}
