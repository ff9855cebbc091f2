import { Link } from "@tanstack/react-router";
import { query } from "@/shared/api/client";
import { useNames, useTeams, useUsers } from "@/shared/books/people";
import { count, relative, words } from "@/shared/lib/format";
import { Card, Meter } from "@/shared/ui/card";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { SimpleTable } from "@/shared/ui/simple-table";

/** What holds for whoever is signed in, and what is left of it. */
export function OwnLimits() {
  const names = useNames();
  const limits = query.useQuery("get", "/api/limits", {}, { refetchInterval: 15_000 });
  return (
    <Card title="Limits that hold for you" note="whatever model you ask" flush>
      <Loaded of={limits} lines={3}>
        {(data) =>
          data.limits.length === 0 ? (
            <EmptyState title="Nothing limits your requests" className="py-6">
              Limits are of keys, users and teams, or of everybody, in the settings file under [[limits]].
            </EmptyState>
          ) : (
            <SimpleTable
              label="Limits that hold for you"
              head={["Of", "What", "Left", "Used", "Begins anew"]}
              figures={[2]}
              rows={data.limits.map((one) => ({
                id: `${one.scope} ${one.target} ${one.measure} ${one.period}`,
                cells: [
                  one.target ? `${words(one.scope)} ${names(one.scope, one.target)}` : words(one.scope),
                  `${words(one.measure)}${one.period ? ` a ${one.period}` : ""}`,
                  `${count(one.left)} of ${count(one.limit)}`,
                  <Meter
                    key="used"
                    value={one.limit > 0 ? 1 - one.left / one.limit : 1}
                    label={`${words(one.measure)} used`}
                  />,
                  one.resetsAt === null ? "–" : relative(one.resetsAt),
                ],
              }))}
            />
          )
        }
      </Loaded>
    </Card>
  );
}

const told = (limits: Record<string, number>) =>
  Object.entries(limits)
    .map(([name, most]) => `${count(most)} ${name.replaceAll(/([A-Z])/g, " $1").toLowerCase()}`)
    .join(", ");

/** What is written down for users and teams; it is changed where they are. */
export function WrittenLimits() {
  const users = useUsers();
  const teams = useTeams();
  const rows = [
    ...(teams.data?.teams ?? []).map((one) => ({ ...one, kind: "team" as const })),
    ...(users.data?.users ?? []).map((one) => ({ ...one, kind: "user" as const })),
  ].filter((one) => Object.keys(one.limits).length > 0);
  return (
    <Card title="Limits of users and teams" note="those of a key are on its own page" flush>
      <Loaded of={users} lines={2}>
        {() =>
          rows.length === 0 ? (
            <EmptyState title="No user or team has a limit" className="py-6">
              Open a user or a team under{" "}
              <Link to="/keys" search={{ tab: "users" }} className="text-accent underline">
                Keys and users
              </Link>{" "}
              to set how much they may ask.
            </EmptyState>
          ) : (
            <SimpleTable
              label="Limits of users and teams"
              head={["Of", "At most"]}
              rows={rows.map((one) => ({
                id: `${one.kind} ${one.id}`,
                cells: [
                  <Link
                    key="of"
                    to="/keys"
                    search={{ tab: `${one.kind}s`, [one.kind]: one.id }}
                    className="font-medium hover:underline"
                  >
                    {words(one.kind)} {one.name}
                  </Link>,
                  <span key="most" className="text-soft">
                    {told(one.limits)}
                  </span>,
                ],
              }))}
            />
          )
        }
      </Loaded>
    </Card>
  );
}
