import { Lock, Plus, RotateCw } from "lucide-react";
import { query } from "@/shared/api/client";
import { plural } from "@/shared/lib/format";
import { cn } from "@/shared/lib/cn";
import { useAddress } from "@/shared/lib/url";
import { Badge } from "@/shared/ui/badge";
import { Button } from "@/shared/ui/button";
import { Card } from "@/shared/ui/card";
import { SearchInput } from "@/shared/ui/field";
import { Page } from "@/shared/ui/page";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { Segmented } from "@/shared/ui/tabs";
import { EditSetting } from "./edit";
import { type Setting, grouped, originOf, shown } from "./value";

const ANOTHER = "new";

export default function SettingsPage() {
  const [search, change] = useAddress();
  const settings = query.useQuery("get", "/api/settings");
  const text = search.q ?? "";
  const which = search.which === "said" ? "said" : "all";
  const open = settings.data?.settings.find((one) => one.key === search.setting && one.changeable);
  return (
    <Page
      title="Settings"
      lead="What is in force, and who said it. What has no sign can be changed here, at once and everywhere; a lock is for the settings file alone, an arrow for what is there and takes effect after a restart."
      actions={
        <Button icon={Plus} onClick={() => change({ setting: ANOTHER })}>
          Set another
        </Button>
      }
    >
      <div className="flex flex-wrap items-center gap-2">
        <SearchInput
          label="Find a setting"
          value={text}
          onValue={(q) => change({ q: q || undefined })}
          className="w-full sm:w-80"
        />
        <Segmented
          label="Which settings"
          value={which}
          onValue={(to) => change({ which: to === "all" ? undefined : to })}
          options={[
            { value: "all", label: "All" },
            { value: "said", label: "Not the default" },
          ]}
        />
      </div>
      <Loaded of={settings} lines={12}>
        {(data) => {
          const groups = grouped(data.settings, text, which === "said");
          return groups.length === 0 ? (
            <Card>
              <EmptyState title="No setting is like that">
                {which === "said" && text === ""
                  ? "Everything is as it comes. Change one here, or write a settings file."
                  : "Take the search away, or look at all of them."}
              </EmptyState>
            </Card>
          ) : (
            <div className="gap-4 *:mb-4 *:break-inside-avoid xl:columns-2">
              {groups.map(([section, rows]) => (
                <Card key={section} title={section} note={plural(rows.length, "setting")} flush>
                  <ul className="mt-1 divide-y border-t">
                    {rows.map((row) => (
                      <Row
                        key={row.key}
                        setting={row}
                        section={section}
                        onOpen={() => change({ setting: row.key })}
                      />
                    ))}
                  </ul>
                </Card>
              ))}
            </div>
          );
        }}
      </Loaded>
      {(open || search.setting === ANOTHER) && (
        <EditSetting key={search.setting} setting={open} onClose={() => change({ setting: undefined })} />
      )}
    </Page>
  );
}

function Row({ setting, section, onOpen }: { setting: Setting; section: string; onOpen: () => void }) {
  const origin = originOf(setting.origin);
  const overruled = setting.version !== null && setting.origin !== "runtime setting";
  const content = (
    <>
      <span className="truncate font-mono text-xs" title={setting.key}>
        {setting.key.slice(section.length + 1)}
      </span>
      <span
        data-figures
        title={shown(setting.value)}
        className={cn("truncate text-sm", origin.said ? "font-medium" : "text-soft")}
      >
        {shown(setting.value)}
      </span>
      <span className="flex items-center justify-end gap-1.5" title={origin.detail || undefined}>
        {overruled && <Badge tone="warn">overruled</Badge>}
        {origin.said ? (
          <Badge tone={origin.word === "runtime" ? "accent" : "neutral"}>{origin.word}</Badge>
        ) : (
          <span className="text-xs text-faint">default</span>
        )}
        {!setting.changeable &&
          (setting.needsRestart ? (
            <RotateCw
              size={12}
              className="text-faint"
              aria-label="in the settings file alone, in force after a restart"
            />
          ) : (
            <Lock size={12} className="text-faint" aria-label="in the settings file alone" />
          ))}
      </span>
    </>
  );
  const row =
    "grid w-full grid-cols-[minmax(0,5fr)_minmax(0,6fr)_7.5rem] items-center gap-x-3 px-4 py-1.75 text-left";
  return (
    <li>
      {setting.changeable ? (
        <button
          type="button"
          onClick={onOpen}
          className={cn(row, "hover:bg-sunken focus-visible:-outline-offset-2")}
        >
          {content}
        </button>
      ) : (
        <div className={row}>{content}</div>
      )}
    </li>
  );
}
