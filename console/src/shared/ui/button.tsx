import { LoaderCircle, type LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";
import { cn } from "@/shared/lib/cn";
import { Tip } from "./tooltip";

const looks = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong border-transparent font-medium",
  plain: "bg-raised text-ink border-line hover:border-edge",
  quiet: "border-transparent text-soft hover:bg-sunken hover:text-ink",
  danger: "bg-raised text-bad border-line hover:border-bad hover:bg-bad-wash",
} as const;
const sizes = { sm: "h-7 px-2 text-xs gap-1.5", md: "h-8 px-3 text-sm gap-2" } as const;

export interface ButtonProps extends ComponentProps<"button"> {
  look?: keyof typeof looks;
  size?: keyof typeof sizes;
  icon?: LucideIcon;
  /** Something is under way: it cannot be pressed again, and says so. */
  busy?: boolean;
}

export function buttonClass(
  look: keyof typeof looks = "plain",
  size: keyof typeof sizes = "md",
  more?: string,
): string {
  return cn(
    "inline-flex shrink-0 items-center justify-center rounded-md border whitespace-nowrap transition-colors select-none",
    "disabled:cursor-not-allowed disabled:opacity-55",
    looks[look],
    sizes[size],
    more,
  );
}

export function Button({
  look,
  size,
  icon: Icon,
  busy = false,
  className,
  children,
  disabled,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      className={buttonClass(look, size, className)}
      disabled={disabled === true || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy ? (
        <LoaderCircle size={14} className="animate-spin" aria-hidden />
      ) : (
        Icon && <Icon size={14} aria-hidden />
      )}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, "children" | "icon"> {
  icon: LucideIcon;
  /** What it does; read aloud, and shown when pointed at. */
  label: string;
}

export function IconButton({
  icon: Icon,
  label,
  className,
  look = "quiet",
  size = "md",
  busy,
  ...rest
}: IconButtonProps) {
  return (
    <Tip text={label}>
      <Button
        look={look}
        size={size}
        aria-label={label}
        busy={busy}
        className={cn(size === "sm" ? "w-7 px-0" : "w-8 px-0", className)}
        {...rest}
      >
        {busy !== true && <Icon size={size === "sm" ? 14 : 16} aria-hidden />}
      </Button>
    </Tip>
  );
}
