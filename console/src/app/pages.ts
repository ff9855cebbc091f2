/** Every page of the console: one entry is a route, a line in the navigation and one in the command palette. */
import {
  BarChart3,
  Bot,
  Boxes,
  ClipboardList,
  KeyRound,
  Layers,
  LayoutDashboard,
  ListTree,
  MessageSquare,
  MessagesSquare,
  Route,
  ServerCog,
  Settings,
  Sparkles,
  Wallet,
  type LucideIcon,
} from "lucide-react";
import type { ComponentType } from "react";
import type { Scope } from "@/shared/session";

export type Group = "Watch" | "Use" | "Steer" | "Administer";

export interface PageEntry {
  path: string;
  label: string;
  icon: LucideIcon;
  /** Where it stands in the navigation. */
  group: Group;
  /** The scopes of which one is needed to see it; none is for everybody who is signed in. */
  needs: Scope[];
  /** More words by which the palette finds it. */
  words?: string;
  load: () => Promise<{ default: ComponentType }>;
}

export const PAGES: readonly PageEntry[] = [
  {
    path: "/",
    label: "Overview",
    icon: LayoutDashboard,
    group: "Watch",
    needs: ["read", "manage"],
    words: "home dashboard alerts",
    load: () => import("@/features/overview/page"),
  },
  {
    path: "/requests",
    label: "Requests",
    icon: ListTree,
    group: "Watch",
    needs: ["read", "manage"],
    words: "log trace waterfall",
    load: () => import("@/features/requests/page"),
  },
  {
    path: "/usage",
    label: "Usage and cost",
    icon: BarChart3,
    group: "Watch",
    needs: ["read", "manage"],
    words: "spend money report export",
    load: () => import("@/features/usage/page"),
  },
  {
    path: "/analytics",
    label: "Ask the books",
    icon: Sparkles,
    group: "Watch",
    needs: ["use"],
    words: "analytics chat",
    load: () => import("@/features/analytics/page"),
  },

  {
    path: "/playground",
    label: "Playground",
    icon: MessageSquare,
    group: "Use",
    needs: ["use"],
    words: "chat try prompt compare",
    load: () => import("@/features/playground/page"),
  },
  {
    path: "/conversations",
    label: "Conversations",
    icon: MessagesSquare,
    group: "Use",
    needs: ["use"],
    words: "history",
    load: () => import("@/features/conversations/page"),
  },
  {
    path: "/agents",
    label: "Agents and tools",
    icon: Bot,
    group: "Use",
    needs: ["use"],
    words: "mcp functions",
    load: () => import("@/features/agents/page"),
  },
  {
    path: "/batches",
    label: "Batches",
    icon: Layers,
    group: "Use",
    needs: ["use", "read"],
    words: "files jsonl queue jobs bulk",
    load: () => import("@/features/batches/page"),
  },

  {
    path: "/models",
    label: "Models",
    icon: Boxes,
    group: "Steer",
    needs: ["use", "read"],
    words: "catalog compare recommend price",
    load: () => import("@/features/models/page"),
  },
  {
    path: "/providers",
    label: "Providers",
    icon: ServerCog,
    group: "Steer",
    needs: ["use", "read"],
    words: "status breaker health test",
    load: () => import("@/features/providers/page"),
  },
  {
    path: "/routing",
    label: "Routing",
    icon: Route,
    group: "Steer",
    needs: ["use", "read"],
    words: "strategy explain replay aliases fallback",
    load: () => import("@/features/routing/page"),
  },
  {
    path: "/budgets",
    label: "Budgets and limits",
    icon: Wallet,
    group: "Steer",
    needs: ["read", "manage"],
    words: "spend cap rate",
    load: () => import("@/features/budgets/page"),
  },

  {
    path: "/keys",
    label: "Keys and users",
    icon: KeyRound,
    group: "Administer",
    needs: ["manage"],
    words: "teams people access",
    load: () => import("@/features/keys/page"),
  },
  {
    path: "/settings",
    label: "Settings",
    icon: Settings,
    group: "Administer",
    needs: ["admin"],
    words: "configuration",
    load: () => import("@/features/settings/page"),
  },
  {
    path: "/audit",
    label: "Audit log",
    icon: ClipboardList,
    group: "Administer",
    needs: ["manage"],
    words: "changes history who",
    load: () => import("@/features/audit/page"),
  },
];

export const GROUPS: readonly Group[] = ["Watch", "Use", "Steer", "Administer"];
