import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { query } from "@/shared/api/client";
import { ApiError } from "@/shared/api/error";
import { useNames } from "@/shared/books/people";
import { exactMoment } from "@/shared/lib/format";
import { Button } from "@/shared/ui/button";
import { Facts } from "@/shared/ui/card";
import { Field, Input, Switch, Textarea } from "@/shared/ui/field";
import { FormDialog } from "@/shared/ui/form-dialog";
import { told } from "@/shared/ui/toast";
import { TokensInput } from "@/shared/ui/tokens";
import { type Setting, originOf, shown, textOf, valueOf } from "./value";

const KEY = { queryKey: ["get", "/api/settings"] };
const OVERRULED = ["environment", "command line"];

/** Change a setting while the gateway runs; or, without one, any that has a path. */
export function EditSetting({ setting, onClose }: { setting?: Setting; onClose: () => void }) {
  const client = useQueryClient();
  const names = useNames();
  const [key, setKey] = useState(setting?.key ?? "");
  const [value, setValue] = useState<unknown>(setting?.value);
  const [text, setText] = useState(textOf(setting?.value));
  const kind = kindOf(setting?.value);
  const put = query.useMutation("put", "/api/settings", {
    meta: { quiet: true },
    onSuccess: async (now) => {
      const word = originOf(now.origin).word;
      told(
        OVERRULED.includes(word)
          ? `Kept, but the ${word} goes before it: it is not in force.`
          : "In force here, and within two seconds everywhere.",
      );
      await client.invalidateQueries(KEY);
      onClose();
    },
    onError: (error) => {
      if (error instanceof ApiError && error.code === "version_conflict") void client.invalidateQueries(KEY);
    },
  });
  const remove = query.useMutation("delete", "/api/settings", {
    meta: { quiet: true },
    onSuccess: async () => {
      told("The settings file or the default says it again.");
      await client.invalidateQueries(KEY);
      onClose();
    },
  });
  const said = kind === "json" ? read(text, setting?.value) : { value, problem: undefined };
  const origin = setting && originOf(setting.origin);
  return (
    <FormDialog
      title={setting ? setting.key : "Set another"}
      description="Holds on every replica, above the settings file, until it is taken back."
      action="Save"
      busy={put.isPending}
      disabled={said.problem !== undefined || key.trim() === "" || (kind === "json" && text === "")}
      error={put.error ?? remove.error}
      other={
        setting?.version != null && (
          <Button
            look="danger"
            busy={remove.isPending}
            onClick={() => remove.mutate({ params: { query: { key: setting.key } } })}
          >
            Take back
          </Button>
        )
      }
      onSend={() =>
        put.mutate({ body: { key: key.trim(), value: said.value, version: setting?.version ?? 0 } })
      }
      onClose={onClose}
    >
      {setting && origin && (
        <Facts
          rows={[
            [
              "Now",
              <span key="now" className="break-all">
                {shown(setting.value)}
              </span>,
            ],
            ["From", `${origin.word}${origin.detail ? `, ${origin.detail}` : ""}`],
            setting.updatedAt !== null && [
              "Changed",
              `${exactMoment(setting.updatedAt)} by ${names("user", setting.updatedBy)}`,
            ],
          ]}
        />
      )}
      {!setting && (
        <Field label="Path" hint="aliases.<name>, providers.<id>.timeout, models.<provider>/<model>.name, …">
          <Input
            value={key}
            onChange={(event) => setKey(event.target.value)}
            autoComplete="off"
            spellCheck={false}
            className="font-mono text-xs"
          />
        </Field>
      )}
      {kind === "switch" ? (
        <Switch label="On" checked={value === true} onChecked={setValue} />
      ) : kind === "names" ? (
        <Field label="Value" hint="In order; Enter after each.">
          <TokensInput value={value as string[]} onValue={setValue} />
        </Field>
      ) : (
        <Field label="Value" error={said.problem} hint={hintOf(setting?.value)}>
          {typeof setting?.value === "object" && setting.value !== null ? (
            <Textarea
              value={text}
              onChange={(event) => setText(event.target.value)}
              className="font-mono text-xs"
              rows={5}
            />
          ) : (
            <Input
              value={text}
              onChange={(event) => setText(event.target.value)}
              autoComplete="off"
              spellCheck={false}
            />
          )}
        </Field>
      )}
    </FormDialog>
  );
}

function kindOf(value: unknown): "switch" | "names" | "json" {
  if (typeof value === "boolean") return "switch";
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? "names" : "json";
}

function hintOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return "Text, a number, true or false, or JSON.";
  return typeof value === "object" ? "JSON." : undefined;
}

function read(text: string, like: unknown): { value: unknown; problem?: string } {
  try {
    return { value: valueOf(text, like) };
  } catch {
    return {
      value: undefined,
      problem: typeof like === "number" ? "A number." : "This is not JSON.",
    };
  }
}
