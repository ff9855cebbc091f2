import { Check, ChevronsUpDown } from "lucide-react";
import { Command } from "cmdk";
import { Popover } from "radix-ui";
import { type ReactNode, useId, useState } from "react";
import { cn } from "@/shared/lib/cn";
import { useLabels } from "./field";

export interface Item {
  value: string;
  label: string;
  /** What the search finds it by, besides its label. */
  keywords?: string[];
  /** Shown at its right end, or under it. */
  detail?: ReactNode;
  group?: string;
  disabled?: boolean;
}

/** A choice among many, found by typing. */
export function Combobox({
  value,
  onValue,
  items,
  label,
  placeholder = "Choose…",
  empty = "Nothing fits.",
  className,
  header,
  wide = false,
}: {
  value: string;
  onValue: (value: string) => void;
  items: readonly Item[];
  label: string;
  placeholder?: string;
  empty?: string;
  className?: string;
  /** Filters and the like, above the list. */
  header?: ReactNode;
  wide?: boolean;
}) {
  const [open, setOpen] = useState(false);
  const list = useId();
  const chosen = items.find((item) => item.value === value);
  const groups = [...new Set(items.map((item) => item.group ?? ""))];
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <button
          type="button"
          {...useLabels()}
          role="combobox"
          aria-expanded={open}
          aria-controls={open ? list : undefined}
          aria-label={label}
          aria-haspopup="listbox"
          className={cn(
            "flex h-8 w-full items-center gap-2 rounded-md border border-edge bg-raised px-2.5 text-left text-sm",
            className,
          )}
        >
          <span className={cn("min-w-0 flex-1 truncate", !chosen && "text-faint")}>
            {chosen?.label ?? (value || placeholder)}
          </span>
          <ChevronsUpDown size={14} aria-hidden className="shrink-0 text-faint" />
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          id={list}
          align="start"
          sideOffset={4}
          collisionPadding={8}
          className={cn(
            "z-50 max-h-[min(26rem,var(--radix-popover-content-available-height))] w-(--radix-popover-trigger-width) min-w-60 animate-in overflow-hidden rounded-lg border bg-raised shadow-pop",
            wide && "w-[min(34rem,calc(100vw-1rem))]",
          )}
        >
          <Command label={label} className="flex max-h-[inherit] flex-col" defaultValue={value}>
            <Command.Input
              autoFocus
              placeholder="Search…"
              aria-label={`Search: ${label}`}
              className="h-9 shrink-0 border-b bg-transparent px-3 text-sm outline-none placeholder:text-faint"
            />
            {header}
            <Command.List className="min-h-0 flex-1 overflow-y-auto p-1" tabIndex={-1}>
              <Command.Empty className="px-2 py-6 text-center text-sm text-faint">{empty}</Command.Empty>
              {groups.map((group) => (
                <Command.Group
                  key={group}
                  heading={group || undefined}
                  className="[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:text-faint"
                >
                  {items
                    .filter((item) => (item.group ?? "") === group)
                    .map((item) => (
                      <Command.Item
                        key={item.value}
                        value={item.value}
                        keywords={[item.label, ...(item.keywords ?? [])]}
                        disabled={item.disabled}
                        onSelect={() => {
                          onValue(item.value);
                          setOpen(false);
                        }}
                        className="flex items-center gap-2 rounded-sm px-2 py-1.5 text-sm data-[disabled=true]:text-faint data-[selected=true]:bg-accent-wash"
                      >
                        <Check
                          size={14}
                          aria-hidden
                          className={cn("shrink-0 text-accent", item.value !== value && "invisible")}
                        />
                        <span className="min-w-0 flex-1 truncate">{item.label}</span>
                        {item.detail != null && (
                          <span className="shrink-0 text-xs text-faint">{item.detail}</span>
                        )}
                      </Command.Item>
                    ))}
                </Command.Group>
              ))}
            </Command.List>
          </Command>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
