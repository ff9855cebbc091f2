import { ArrowUp, FileText, Paperclip, Square, X } from "lucide-react";
import {
  type ClipboardEvent,
  type DragEvent,
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useRef,
  useState,
} from "react";
import { cn } from "@/shared/lib/cn";
import { bytes } from "@/shared/lib/format";
import { Button, IconButton } from "@/shared/ui/button";
import { failed } from "@/shared/ui/toast";
import { ACCEPTED, type Attachment, attach } from "./attachments";

/** Where a message is written: Enter sends, Shift and Enter begin a line, Escape stops the answer. */
export function Composer({
  value,
  onValue,
  onSend,
  onStop,
  busy,
  label = "Message",
  placeholder = "Ask something…",
  files = false,
  footer,
  action = "Send",
}: {
  value: string;
  onValue: (text: string) => void;
  onSend: (text: string, attachments: readonly Attachment[]) => void;
  onStop: () => void;
  busy: boolean;
  label?: string;
  placeholder?: string;
  /** Whether pictures and files may be sent along. */
  files?: boolean;
  footer?: ReactNode;
  action?: string;
}) {
  const [along, setAlong] = useState<readonly Attachment[]>([]);
  const [over, setOver] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, 240)}px`;
  }, [value]);

  const add = (list: Iterable<File>) => {
    if (!files) return;
    for (const file of list) {
      attach(file).then((one) => setAlong((before) => [...before, one]), failed);
    }
  };
  const send = () => {
    if (busy || (value.trim() === "" && along.length === 0)) return;
    onSend(value.trim(), along);
    setAlong([]);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape" && busy) {
      onStop();
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    add(event.dataTransfer.files);
  };
  const paste = (event: ClipboardEvent) => {
    if (files && event.clipboardData.files.length > 0) {
      event.preventDefault();
      add(event.clipboardData.files);
    }
  };
  return (
    <div
      role="group"
      aria-label={label}
      className={cn(
        "rounded-lg border border-edge bg-raised focus-within:border-accent",
        over && "border-accent bg-accent-wash",
      )}
    >
      {along.length > 0 && (
        <ul aria-label="Sent along" className="flex flex-wrap gap-2 px-3 pt-3">
          {along.map((one) => (
            <li
              key={one.id}
              className="flex items-center gap-2 rounded-md border bg-panel py-1 pr-1 pl-1.5 text-xs"
            >
              <Thumbnail of={one} />
              <span className="max-w-40 truncate">{one.name}</span>
              <span className="text-faint">{bytes(one.size)}</span>
              <IconButton
                icon={X}
                label={`Leave ${one.name} out`}
                size="sm"
                className="size-5"
                onClick={() => setAlong((before) => before.filter((other) => other.id !== one.id))}
              />
            </li>
          ))}
        </ul>
      )}
      <textarea
        ref={area}
        rows={1}
        aria-label={label}
        placeholder={placeholder}
        value={value}
        onChange={(event) => onValue(event.target.value)}
        onKeyDown={press}
        onPaste={paste}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(files);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
        className="block max-h-60 w-full resize-none bg-transparent px-3 pt-2.5 pb-1 text-base outline-none placeholder:text-faint"
      />
      <div className="flex items-center gap-1 px-2 pb-2">
        {files && (
          <>
            <input
              ref={picker}
              type="file"
              multiple
              accept={ACCEPTED}
              aria-label="Pictures and files to send along"
              className="hidden"
              onChange={(event) => {
                add(event.target.files ?? []);
                event.target.value = "";
              }}
            />
            <IconButton
              icon={Paperclip}
              label="Attach pictures or files"
              size="sm"
              onClick={() => picker.current?.click()}
            />
          </>
        )}
        <div className="flex min-w-0 flex-1 items-center gap-2">{footer}</div>
        {busy ? (
          <Button size="sm" icon={Square} onClick={onStop}>
            Stop
          </Button>
        ) : (
          <Button
            look="primary"
            size="sm"
            icon={ArrowUp}
            onClick={send}
            disabled={value.trim() === "" && along.length === 0}
          >
            {action}
          </Button>
        )}
      </div>
    </div>
  );
}

function Thumbnail({ of }: { of: Attachment }) {
  return of.picture === null ? (
    <FileText size={16} aria-hidden className="text-faint" />
  ) : (
    <img src={of.picture} alt="" className="size-7 rounded-sm object-cover" />
  );
}
