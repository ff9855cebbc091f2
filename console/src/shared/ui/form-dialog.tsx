import { type ReactNode, useId } from "react";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { ErrorLine } from "./states";

interface Props {
  title: string;
  description?: ReactNode;
  /** The verb on the button that sends it. */
  action: string;
  busy: boolean;
  /** Whether something is missing or wrong, so that it cannot be sent. */
  disabled: boolean;
  /** What failed when it was sent. */
  error?: unknown;
  /** A button at the other end, to delete what is changed here. */
  other?: ReactNode;
  onSend: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog to fill in and send, with its button or with Enter; it stands for as long as it is drawn. */
export function FormDialog(props: Props) {
  const { title, description, action, busy, disabled, error, other, onSend, onClose, children } = props;
  const id = useId();
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={title}
      description={description}
      footer={
        <>
          {other != null && <div className="mr-auto">{other}</div>}
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form={id} busy={busy} disabled={disabled}>
            {action}
          </Button>
        </>
      }
    >
      <form
        id={id}
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!disabled) onSend();
        }}
      >
        {children}
        <ErrorLine error={error} />
      </form>
    </Dialog>
  );
}
