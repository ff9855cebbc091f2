import { query } from "@/shared/api/client";
import { useParam } from "@/shared/lib/url";
import { Page } from "@/shared/ui/page";
import { Loaded } from "@/shared/ui/states";
import { Tabs } from "@/shared/ui/tabs";
import { Agents } from "./agents";
import { Tools } from "./tools";

export default function AgentsPage() {
  const [tab, setTab] = useParam("tab", "tools");
  const tools = query.useQuery("get", "/api/tools", {}, { refetchInterval: 60_000 });
  const agents = query.useQuery("get", "/api/agents", {}, { staleTime: 60_000 });
  return (
    <Page
      title="Agents and tools"
      lead="Whom you can talk to, and what models may do on the way to an answer."
    >
      <Tabs
        label="Agents and tools"
        value={tab}
        onValue={setTab}
        tabs={[
          {
            value: "tools",
            label: "Tools",
            count: tools.data?.tools.length,
            content: <Loaded of={tools}>{(data) => <Tools told={data} />}</Loaded>,
          },
          {
            value: "agents",
            label: "Agents",
            count: agents.data?.agents.length,
            content: <Loaded of={agents}>{(data) => <Agents agents={data.agents} />}</Loaded>,
          },
        ]}
      />
    </Page>
  );
}
