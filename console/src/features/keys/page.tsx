import { Plus } from "lucide-react";
import { useTeams, useUsers } from "@/shared/books/people";
import { useAddress } from "@/shared/lib/url";
import { useMay } from "@/shared/session";
import { Button } from "@/shared/ui/button";
import { Page } from "@/shared/ui/page";
import { Tabs } from "@/shared/ui/tabs";
import { CreateKey } from "./create";
import { KeySheet } from "./key-sheet";
import { KeysTable } from "./keys-table";
import { TeamsTable, UsersTable } from "./people-tables";
import { NEW, PersonSheet } from "./person-sheet";

export default function KeysPage() {
  const can = useMay();
  const [search, change] = useAddress();
  const users = useUsers().data?.users;
  const teams = useTeams().data?.teams;
  const tab = can("admin") ? (search.tab ?? "keys") : "keys";
  const openKey = (key: string | undefined) => change({ key });
  const openUser = (user: string | undefined) => change({ user });
  const openTeam = (team: string | undefined) => change({ team });
  const keys = <KeysTable open={search.key} onOpen={openKey} />;
  return (
    <Page
      title={can("admin") ? "Keys and users" : "Keys"}
      actions={
        tab === "users" ? (
          <Button look="primary" icon={Plus} onClick={() => openUser(NEW)}>
            Add user
          </Button>
        ) : tab === "teams" ? (
          <Button look="primary" icon={Plus} onClick={() => openTeam(NEW)}>
            Add team
          </Button>
        ) : (
          can("manage") && <CreateKey />
        )
      }
    >
      {can("admin") ? (
        <Tabs
          label="Keys and users"
          value={tab}
          onValue={(to) => change({ tab: to === "keys" ? undefined : to, q: undefined })}
          tabs={[
            { value: "keys", label: "Keys", content: keys },
            {
              value: "users",
              label: "Users",
              count: users?.length,
              content: <UsersTable open={search.user} onOpen={openUser} />,
            },
            {
              value: "teams",
              label: "Teams",
              count: teams?.length,
              content: <TeamsTable open={search.team} onOpen={openTeam} />,
            },
          ]}
        />
      ) : (
        keys
      )}
      {search.key !== undefined && <KeySheet id={search.key} onClose={() => openKey(undefined)} />}
      {search.user !== undefined && (
        <PersonSheet key={search.user} kind="user" id={search.user} onClose={() => openUser(undefined)} />
      )}
      {search.team !== undefined && (
        <PersonSheet key={search.team} kind="team" id={search.team} onClose={() => openTeam(undefined)} />
      )}
    </Page>
  );
}
