import { Link, Navigate, Outlet, useMatches } from "@tanstack/react-router";
import { CircleUser, Lock, LogOut, Menu as MenuIcon, Monitor, Moon, Search, Sun } from "lucide-react";
import { Suspense, lazy, useEffect, useState } from "react";
import { chooseTheme, useTheme } from "@/shared/lib/theme";
import { LLMProvider } from "@/shared/llm/LLMContext";
import { type Session, may, useSession } from "@/shared/session";
import { IconButton } from "@/shared/ui/button";
import { Sheet } from "@/shared/ui/dialog";
import { Menu } from "@/shared/ui/menu";
import { EmptyState, ErrorState, Skeleton } from "@/shared/ui/states";
import { cn } from "@/shared/lib/cn";
import { GROUPS, PAGES, type PageEntry } from "./pages";

const fetchPalette = () => import("./palette");
const Palette = lazy(fetchPalette);
const SignIn = lazy(() => import("./sign-in").then((all) => ({ default: all.SignIn })));

/** Whatever stands around a page; and sign-in, where there must be one. */
export function Shell() {
  const { session, error, refetch } = useSession();
  if (!session) {
    return (
      <main className="mx-auto max-w-md pt-[20vh]">
        {error ? <ErrorState error={error} retry={() => void refetch()} /> : <Skeleton lines={4} />}
      </main>
    );
  }
  if (!session.signedIn) {
    return (
      <Suspense>
        <SignIn />
      </Suspense>
    );
  }
  return (
    <LLMProvider>
      <House session={session} />
    </LLMProvider>
  );
}

function House({ session }: { session: Session }) {
  const [menu, setMenu] = useState(false);
  const [palette, setPalette] = useState(false);
  const [sought, setSought] = useState(false);
  if (palette && !sought) setSought(true);
  // The page that is drawn: while another one is on its way the address is that one's already.
  const shown = useMatches().at(-1)?.routeId as string | undefined;
  // Nobody waits for it at first, and who opens it types at once.
  useEffect(() => {
    const timer = setTimeout(() => void fetchPalette(), 400);
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey)) {
        event.preventDefault();
        setPalette((open) => !open);
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
  return (
    <div className="flex min-h-dvh">
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the content
      </a>
      <aside className="sticky top-0 hidden h-dvh w-54 shrink-0 flex-col border-r bg-panel lg:flex">
        <div className="flex items-center justify-between px-4 pt-4 pb-2">
          <Brand />
          <IconButton
            icon={Search}
            label="Find a page or a model (Ctrl K)"
            size="sm"
            onClick={() => setPalette(true)}
          />
        </div>
        <Navigation session={session} />
        <Person session={session} />
      </aside>
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="sticky top-0 z-30 flex h-12 items-center gap-2 border-b bg-panel px-3 lg:hidden">
          <IconButton icon={MenuIcon} label="Pages" onClick={() => setMenu(true)} />
          <Brand />
          <IconButton icon={Search} label="Find" className="ml-auto" onClick={() => setPalette(true)} />
        </header>
        <main id="content" tabIndex={-1} className="min-w-0 flex-1 outline-none" key={shown}>
          <Allowed session={session} page={PAGES.find((one) => one.path === shown)} />
        </main>
      </div>
      <Sheet open={menu} onOpenChange={setMenu} title="Pages">
        {/* eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions -- following any link inside closes it; the links have their own keys */}
        <div
          onClick={(event) => event.target instanceof Element && event.target.closest("a") && setMenu(false)}
          className="-mx-4 -my-4"
        >
          <Navigation session={session} />
          <Person session={session} />
        </div>
      </Sheet>
      {/* Kept once it was opened, so that it can give the focus back. */}
      {sought && (
        <Suspense>
          <Palette open={palette} onOpenChange={setPalette} session={session} />
        </Suspense>
      )}
    </div>
  );
}

/** The page, where the key may see it; whoever only opened the console is led to a page that it may. */
function Allowed({ session, page }: { session: Session; page: PageEntry | undefined }) {
  if (!page || may(session, ...page.needs)) return <Outlet />;
  const other = PAGES.find((one) => may(session, ...one.needs));
  if (page.path === "/" && other) return <Navigate to={other.path} replace />;
  return (
    <div>
      <h1 className="sr-only">{page.label}</h1>
      <EmptyState icon={Lock} title="Your key may not see this page">
        It needs the scope {page.needs.join(" or ")}. Whoever gave you the key can give you one that has it.
      </EmptyState>
    </div>
  );
}

function Brand() {
  return (
    <Link to="/" className="flex items-center gap-2 rounded-sm text-base font-semibold tracking-tight">
      <svg viewBox="0 0 32 32" className="size-5 text-accent" aria-hidden>
        <path
          d="M16 29V17M16 17C16 10 7 11 6 3M16 17C16 10 25 11 26 3"
          fill="none"
          stroke="currentColor"
          strokeWidth="4"
          strokeLinecap="round"
        />
      </svg>
      Wye
    </Link>
  );
}

function Navigation({ session }: { session: Session }) {
  return (
    <nav aria-label="Pages" className="flex-1 overflow-y-auto px-2 py-2">
      {GROUPS.map((group) => {
        const pages = PAGES.filter((page) => page.group === group && may(session, ...page.needs));
        return (
          pages.length > 0 && (
            <div key={group} className="mb-3">
              <p className="px-2 pb-1 text-2xs text-faint">{group}</p>
              <ul>
                {pages.map((page) => (
                  <li key={page.path}>
                    <Link
                      to={page.path}
                      activeOptions={{ exact: page.path === "/", includeSearch: false }}
                      className="flex h-8 items-center gap-2.5 rounded-md px-2 text-sm text-soft hover:bg-sunken hover:text-ink"
                      activeProps={{
                        className: cn("bg-accent-wash font-medium text-accent-strong hover:bg-accent-wash"),
                      }}
                    >
                      <page.icon size={15} aria-hidden className="shrink-0" />
                      {page.label}
                    </Link>
                  </li>
                ))}
              </ul>
            </div>
          )
        );
      })}
    </nav>
  );
}

function Person({ session }: { session: Session }) {
  const { signOut } = useSession();
  const theme = useTheme();
  const name = session.name ?? session.user ?? "somebody";
  return (
    <div className="flex items-center gap-1 border-t px-2 py-2">
      <div className="min-w-0 flex-1 px-2">
        <p className="truncate text-sm">{name}</p>
        <p className="truncate text-2xs text-faint">
          {session.open && session.via === "open" ? "open to this machine" : session.scopes.join(", ")}
        </p>
      </div>
      <Menu
        trigger={<IconButton icon={CircleUser} label="You and how this looks" />}
        actions={[
          { label: `Light${theme === "light" ? " ✓" : ""}`, icon: Sun, onSelect: () => chooseTheme("light") },
          { label: `Dark${theme === "dark" ? " ✓" : ""}`, icon: Moon, onSelect: () => chooseTheme("dark") },
          {
            label: `As the system${theme === "system" ? " ✓" : ""}`,
            icon: Monitor,
            onSelect: () => chooseTheme("system"),
          },
          ...(session.via === "session"
            ? [null, { label: "Sign out", icon: LogOut, onSelect: () => void signOut() }]
            : []),
        ]}
      />
    </div>
  );
}
