import { Switch as RadixSwitch } from "radix-ui";
import { type ComponentProps, type ReactNode, createContext, useContext, useId } from "react";
import { ChevronDown, Search, X } from "lucide-react";
import { cn } from "@/shared/lib/cn";

interface Labels {
  id: string;
  describedBy: string | undefined;
  invalid: boolean;
}

const Labelled = createContext<Labels | null>(null);

/** Gives the id and descriptions of the `Field` around to whatever a form control is made of. */
export function useLabels(): { id?: string; "aria-describedby"?: string; "aria-invalid"?: boolean } {
  const labels = useContext(Labelled);
  return labels
    ? { id: labels.id, "aria-describedby": labels.describedBy, "aria-invalid": labels.invalid || undefined }
    : {};
}

const control =
  "w-full rounded-md border border-edge bg-raised px-2.5 text-sm text-ink placeholder:text-faint " +
  "focus-visible:outline-offset-0 disabled:opacity-55 aria-invalid:border-bad";

/** A control with its label, a hint, and what is wrong with it. */
export function Field({
  label,
  hint,
  error,
  children,
  className,
}: {
  label: string;
  hint?: ReactNode;
  error?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  const id = useId();
  const describedBy = error != null || hint != null ? `${id}-more` : undefined;
  return (
    <div className={cn("flex flex-col gap-1", className)}>
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <Labelled value={{ id, describedBy, invalid: error != null }}>{children}</Labelled>
      {describedBy !== undefined && (
        <p id={describedBy} className={cn("text-xs", error != null ? "text-bad" : "text-faint")}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input {...useLabels()} className={cn(control, "h-8", className)} {...rest} />;
}

export function Textarea({ className, ...rest }: ComponentProps<"textarea">) {
  return (
    <textarea {...useLabels()} rows={3} className={cn(control, "resize-y py-1.5", className)} {...rest} />
  );
}

export function SearchInput({
  value,
  onValue,
  label,
  className,
  ...rest
}: Omit<ComponentProps<"input">, "onChange" | "value"> & {
  value: string;
  onValue: (value: string) => void;
  label: string;
}) {
  return (
    <div className={cn("relative", className)}>
      <Search size={14} aria-hidden className="pointer-events-none absolute top-2.25 left-2.5 text-faint" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        onChange={(event) => onValue(event.target.value)}
        className={cn(control, "h-8 pr-7 pl-8 [&::-webkit-search-cancel-button]:hidden")}
        {...rest}
      />
      {value !== "" && (
        <button
          type="button"
          aria-label="Clear the search"
          onClick={() => onValue("")}
          className="absolute top-1.5 right-1.5 rounded-sm p-0.5 text-faint hover:text-ink"
        >
          <X size={14} aria-hidden />
        </button>
      )}
    </div>
  );
}

export interface Option<T extends string = string> {
  value: T;
  label: string;
}

/** A choice among a few; the browser's own list, which phones and screen readers know best. `Combobox` is for many. */
export function Select<T extends string>({
  value,
  onValue,
  options,
  label,
  className,
  ...rest
}: Omit<ComponentProps<"select">, "onChange" | "value"> & {
  value: T;
  onValue: (value: T) => void;
  options: readonly Option<T>[];
  label?: string;
}) {
  return (
    <span className={cn("relative inline-flex", className)}>
      <select
        {...useLabels()}
        aria-label={label}
        value={value}
        onChange={(event) => onValue(event.target.value as T)}
        className={cn(control, "h-8 appearance-none pr-7 text-ellipsis")}
        {...rest}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <ChevronDown
        size={14}
        aria-hidden
        className="pointer-events-none absolute top-2.25 right-2 text-faint"
      />
    </span>
  );
}

/** On or off, at once. */
export function Switch({
  checked,
  onChecked,
  label,
  disabled,
  hideLabel = false,
}: {
  checked: boolean;
  onChecked: (checked: boolean) => void;
  label: string;
  disabled?: boolean;
  hideLabel?: boolean;
}) {
  const id = useId();
  return (
    <span className="inline-flex items-center gap-2">
      <RadixSwitch.Root
        id={id}
        checked={checked}
        onCheckedChange={onChecked}
        disabled={disabled}
        aria-label={hideLabel ? label : undefined}
        className="h-4.5 w-8 shrink-0 rounded-full border border-edge bg-sunken p-px transition-colors data-[state=checked]:border-accent data-[state=checked]:bg-accent"
      >
        <RadixSwitch.Thumb className="block size-3.5 rounded-full bg-edge transition-transform data-[state=checked]:translate-x-3.5 data-[state=checked]:bg-on-accent" />
      </RadixSwitch.Root>
      {!hideLabel && (
        <label htmlFor={id} className="text-sm">
          {label}
        </label>
      )}
    </span>
  );
}

export function Checkbox({
  label,
  hideLabel = false,
  className,
  onChecked,
  ...rest
}: Omit<ComponentProps<"input">, "onChange" | "type"> & {
  label: string;
  hideLabel?: boolean;
  onChecked: (checked: boolean) => void;
}) {
  return (
    <label className={cn("inline-flex items-center gap-2 text-sm", className)}>
      <input
        type="checkbox"
        className="size-4 shrink-0 accent-accent"
        onChange={(event) => onChecked(event.target.checked)}
        aria-label={hideLabel ? label : undefined}
        {...rest}
      />
      {!hideLabel && label}
    </label>
  );
}
