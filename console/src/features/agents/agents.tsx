import { Link } from "@tanstack/react-router";
import { Bot, MessageSquare } from "lucide-react";
import type { Schema } from "@/shared/api/client";
import { money, plural } from "@/shared/lib/format";
import { Badge } from "@/shared/ui/badge";
import { buttonClass } from "@/shared/ui/button";
import { Card, Facts } from "@/shared/ui/card";
import { Code } from "@/shared/ui/copy";
import { EmptyState } from "@/shared/ui/states";

const EXAMPLE = `[agents.analyst]
description = "Answers questions about usage and cost."
instructions = "Name the period of every figure."
model = "auto:quality"
tools = ["advanced_analytics", "calculator"]
max_cost_usd = 0.50`;

export function Agents({ agents }: { agents: readonly Schema["AgentView"][] }) {
  if (agents.length === 0) {
    return (
      <Card>
        <EmptyState icon={Bot} title="No agents yet">
          <p>
            An agent is a model with instructions, tools and a limit on what one answer may cost. Describe one
            in the settings file:
          </p>
          <div className="mt-3 text-left">
            <Code text={EXAMPLE} label="Copy the example" />
          </div>
        </EmptyState>
      </Card>
    );
  }
  return (
    <ul className="grid gap-4 md:grid-cols-2 2xl:grid-cols-3">
      {agents.map((agent) => (
        <li key={agent.name} className="flex min-w-0 flex-col">
          <Card
            title={agent.name}
            className="flex-1"
            actions={
              <Link to="/playground" search={{ agent: agent.name }} className={buttonClass("plain", "sm")}>
                <MessageSquare size={14} aria-hidden />
                Talk to it
              </Link>
            }
          >
            <div className="flex flex-col gap-3">
              {agent.description && <p className="text-sm text-soft">{agent.description}</p>}
              <Facts
                rows={[
                  ["Model", agent.model ?? "whichever is asked for"],
                  ["Tools", agent.tools.length === 0 ? "none" : <Names key="tools" of={agent.tools} />],
                  ["Rounds", `${plural(agent.maxRounds, "round")} of tools at most`],
                  [
                    "One answer",
                    agent.maxCostUsd === null
                      ? "may cost anything"
                      : `costs ${money(agent.maxCostUsd)} at most`,
                  ],
                ]}
              />
              {agent.instructions && (
                <details className="text-sm">
                  <summary className="text-xs text-soft">Instructions</summary>
                  <p className="mt-1.5 rounded-md bg-sunken px-3 py-2 whitespace-pre-wrap">
                    {agent.instructions}
                  </p>
                </details>
              )}
            </div>
          </Card>
        </li>
      ))}
    </ul>
  );
}

function Names({ of }: { of: readonly string[] }) {
  return (
    <span className="flex flex-wrap gap-1">
      {of.map((name) => (
        <Badge key={name} className="font-mono">
          {name}
        </Badge>
      ))}
    </span>
  );
}
