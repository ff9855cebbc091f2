import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Link } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { EmptyState, ErrorState, Skeleton } from "@/shared/ui/states";
import { buttonClass } from "@/shared/ui/button";
import { PAGES } from "./pages";
import { Shell } from "./shell";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

export const router = createRouter({
  routeTree: root.addChildren(
    PAGES.map((page) =>
      createRoute({ getParentRoute: () => root, path: page.path, component: lazyRouteComponent(page.load) }),
    ),
  ),
  basepath: "/console",
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultPendingComponent: () => <Skeleton lines={6} />,
  defaultErrorComponent: ({ error, reset }) => <ErrorState error={error} retry={reset} />,
  // A filter is its own text: no quotes around it in the address.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const pairs = Object.entries(search as Record<string, unknown>).filter(
      ([, value]) => value != null && value !== "",
    );
    const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
    return text && `?${text}`;
  },
});

function NotFound() {
  return (
    <EmptyState
      icon={Compass}
      title="There is no such page"
      action={
        <Link to="/" className={buttonClass()}>
          Go to the overview
        </Link>
      }
    >
      It may have moved, or the address has a slip of the pen.
    </EmptyState>
  );
}

declare module "@tanstack/react-router" {
  interface Register {
    // Pages are a list, so that paths are plain text to the type checker.
    router: ReturnType<typeof createRouter>;
  }
}
