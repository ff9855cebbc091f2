import { Tooltip } from "radix-ui";
import type { ReactElement, ReactNode } from "react";

export const TipProvider = Tooltip.Provider;

/** Say more about something that can be pointed at or focused. It must not be the only place where something is said. */
export function Tip({
  text,
  children,
  side = "top",
}: {
  text: ReactNode;
  children: ReactElement;
  side?: Tooltip.TooltipContentProps["side"];
}) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          side={side}
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-72 animate-in rounded-md bg-ink px-2 py-1 text-xs text-ground shadow-pop"
        >
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
