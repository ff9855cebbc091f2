import { X } from "lucide-react";
import { type KeyboardEvent, useId, useState } from "react";
import { cn } from "@/shared/lib/cn";
import { useLabels } from "./field";

/** Several names: typed one after the other with Enter or a comma, suggested where they are known. */
export function TokensInput({
  value,
  onValue,
  suggestions = [],
  placeholder,
  className,
}: {
  value: readonly string[];
  onValue: (value: string[]) => void;
  suggestions?: readonly string[];
  placeholder?: string;
  className?: string;
}) {
  const [text, setText] = useState("");
  const list = useId();
  const add = (typed: string) => {
    const names = typed.split(",").map((name) => name.trim());
    const fresh = names.filter((name) => name !== "" && !value.includes(name));
    if (fresh.length > 0) onValue([...value, ...new Set(fresh)]);
    setText("");
  };
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    if ((event.key === "Enter" || event.key === ",") && text.trim() !== "") {
      event.preventDefault();
      add(text);
    } else if (event.key === "Backspace" && text === "" && value.length > 0) {
      onValue(value.slice(0, -1));
    }
  };
  return (
    <div
      className={cn(
        "flex min-h-8 flex-wrap items-center gap-1 rounded-md border border-edge bg-raised px-1.5 py-1 focus-within:outline-2 focus-within:outline-accent",
        className,
      )}
    >
      {value.map((name) => (
        <span
          key={name}
          className="inline-flex max-w-full items-center gap-1 rounded-sm bg-sunken py-px pr-0.5 pl-1.5 text-xs leading-5"
        >
          <span className="truncate">{name}</span>
          <button
            type="button"
            aria-label={`Remove ${name}`}
            onClick={() => onValue(value.filter((one) => one !== name))}
            className="rounded-sm p-1 text-faint hover:text-ink"
          >
            <X size={12} aria-hidden />
          </button>
        </span>
      ))}
      <input
        {...useLabels()}
        value={text}
        list={suggestions.length > 0 ? list : undefined}
        placeholder={value.length === 0 ? placeholder : undefined}
        onChange={(event) => {
          const typed = event.target.value;
          // A suggestion that was chosen comes whole.
          if (suggestions.includes(typed) && typed.length - text.length > 1) add(typed);
          else setText(typed);
        }}
        onKeyDown={press}
        onBlur={() => add(text)}
        className="h-6 min-w-24 flex-1 bg-transparent px-1 text-sm outline-none placeholder:text-faint"
      />
      {suggestions.length > 0 && (
        <datalist id={list}>
          {suggestions
            .filter((name) => !value.includes(name))
            .slice(0, 500)
            .map((name) => (
              <option key={name} value={name} />
            ))}
        </datalist>
      )}
    </div>
  );
}
