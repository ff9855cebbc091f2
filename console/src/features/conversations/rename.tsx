import { useState } from "react";
import { Field, Input } from "@/shared/ui/field";
import { FormDialog } from "@/shared/ui/form-dialog";

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
  return (
    <FormDialog
      title="Rename the conversation"
      action="Rename"
      busy={busy}
      disabled={text.trim() === ""}
      onSend={() => onSave(text.trim())}
      onClose={onClose}
    >
      <Field label="Title">
        <Input value={text} maxLength={LONGEST} onChange={(event) => setText(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
