import { ArrowUp, Pencil, Plus, Trash2, X } from "lucide-react";
import { useState } from "react";
import { ModelSelector } from "@/shared/llm/ModelSelector";
import { type Setting, isChanged, useChangeSetting, useSettings } from "@/shared/settings";
import { Button, IconButton } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { Dialog } from "@/shared/ui/dialog";
import { Field, Input } from "@/shared/ui/field";
import { EmptyState, Loaded } from "@/shared/ui/states";

const PREFIX = "aliases.";

interface Alias {
  name: string;
  targets: readonly string[];
  setting: Setting;
}

/** Names of one's own that stand for models, the first that can answer. */
export function Aliases() {
  const settings = useSettings();
  const change = useChangeSetting();
  const [editing, setEditing] = useState<Alias | "new" | null>(null);
  const remove = (alias: Alias) =>
    void change.remove(
      alias.setting.key,
      alias.setting.origin === "runtime setting"
        ? `What was set of “${alias.name}” here is gone.`
        : `“${alias.name}” is the settings file's again.`,
    );
  return (
    <Card
      title="Aliases"
      flush
      actions={
        <Button size="sm" icon={Plus} onClick={() => setEditing("new")}>
          Add an alias
        </Button>
      }
    >
      <Loaded of={settings} lines={3}>
        {(all) => {
          const aliases = [...all.values()]
            .filter((one) => one.key.startsWith(PREFIX) && Array.isArray(one.value))
            .map((one) => ({
              name: one.key.slice(PREFIX.length),
              targets: one.value as string[],
              setting: one,
            }));
          if (aliases.length === 0)
            return (
              <EmptyState title="No name stands for models yet" className="py-6">
                With an alias, programs ask for “fast” and you say here what that is.
              </EmptyState>
            );
          return (
            <ul aria-label="Aliases" className="divide-y border-t">
              {aliases.map((alias) => (
                <li key={alias.name} className="flex items-start gap-2 px-4 py-2">
                  <div className="min-w-0 flex-1">
                    <p className="text-sm font-medium">
                      {alias.name}
                      {isChanged(alias.setting) && (
                        <span className="ml-2 text-xs font-normal text-faint">set here</span>
                      )}
                    </p>
                    <ol className="text-xs text-soft">
                      {alias.targets.map((target) => (
                        <li key={target} className="truncate font-mono leading-5">
                          {target}
                        </li>
                      ))}
                    </ol>
                  </div>
                  <IconButton
                    icon={Pencil}
                    size="sm"
                    label={`Change ${alias.name}`}
                    onClick={() => setEditing(alias)}
                  />
                  {isChanged(alias.setting) && (
                    <IconButton
                      icon={Trash2}
                      size="sm"
                      label={`Take back what was set of ${alias.name}`}
                      onClick={() => remove(alias)}
                    />
                  )}
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
      {editing !== null && (
        <AliasForm alias={editing === "new" ? undefined : editing} onClose={() => setEditing(null)} />
      )}
    </Card>
  );
}

function AliasForm({ alias, onClose }: { alias: Alias | undefined; onClose: () => void }) {
  const change = useChangeSetting();
  const [name, setName] = useState(alias?.name ?? "");
  const [targets, setTargets] = useState<readonly string[]>(alias?.targets ?? []);
  const odd = name !== "" && !/^[^\s/:.]+$/.test(name);
  const save = async () => {
    if (await change.put(`${PREFIX}${name}`, targets, `“${name}” is kept.`)) onClose();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={alias ? `Change “${alias.name}”` : "Add an alias"}
      description="A request that asks for this name is answered by the first of these models that can."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            look="primary"
            busy={change.busy}
            disabled={name === "" || odd || targets.length === 0}
            onClick={() => void save()}
          >
            {alias ? "Save" : "Add alias"}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3">
        <Field label="Name" error={odd ? "Without spaces, / : and full stops." : undefined}>
          <Input
            value={name}
            disabled={alias !== undefined}
            onChange={(event) => setName(event.target.value)}
          />
        </Field>
        {targets.length > 0 && (
          <ol aria-label="Models, the first one first" className="divide-y rounded-md border">
            {targets.map((target, at) => (
              <li key={target} className="flex items-center gap-2 py-1 pr-1 pl-3">
                <span data-figures className="text-xs text-faint">
                  {at + 1}
                </span>
                <span className="min-w-0 flex-1 truncate font-mono text-xs">{target}</span>
                <IconButton
                  icon={ArrowUp}
                  size="sm"
                  label={`Move ${target} up`}
                  disabled={at === 0}
                  onClick={() => setTargets(targets.with(at, targets[at - 1]!).with(at - 1, target))}
                />
                <IconButton
                  icon={X}
                  size="sm"
                  label={`Take ${target} out`}
                  onClick={() => setTargets(targets.filter((one) => one !== target))}
                />
              </li>
            ))}
          </ol>
        )}
        <Field label="Add a model">
          <ModelSelector
            label="Add a model"
            value=""
            strategies={false}
            onValue={(model) => setTargets(targets.includes(model) ? targets : [...targets, model])}
          />
        </Field>
      </div>
    </Dialog>
  );
}
