import { Link } from "@tanstack/react-router";
import { Code2, History, Plus } from "lucide-react";
import { useCallback, useState } from "react";
import { query } from "@/shared/api/client";
import { useAddress } from "@/shared/lib/url";
import { Button, buttonClass } from "@/shared/ui/button";
import { Menu } from "@/shared/ui/menu";
import { Page } from "@/shared/ui/page";
import { Segmented } from "@/shared/ui/tabs";
import { failed, told } from "@/shared/ui/toast";
import { useAsking } from "./asking";
import { Chat } from "./chat";
import { Comparison } from "./comparison";
import { asCurl, asPython } from "./snippets";

export default function PlaygroundPage() {
  const [search, change] = useAddress();
  const [asking, setAsking] = useAsking();
  const [draft, setDraft] = useState(search.prompt ?? "");
  const conversation = search.conversation ?? "";
  const comparing = search.mode === "compare";
  const opened = useCallback((id: string) => change({ conversation: id }), [change]);
  const about = query.useQuery(
    "get",
    "/api/conversations/{conversation_id}",
    { params: { path: { conversation_id: conversation } } },
    { enabled: conversation !== "" },
  );
  const copy = (what: string, text: string) => () => {
    navigator.clipboard.writeText(text).then(() => told(`Copied as ${what}.`), failed);
  };
  const prompt = draft || "Hello!";
  return (
    <Page
      title="Playground"
      lead={!comparing && conversation && about.data?.title ? about.data.title : undefined}
      actions={
        <>
          <Segmented
            label="What to do"
            value={comparing ? "compare" : "chat"}
            onValue={(mode) => change({ mode: mode === "chat" ? undefined : mode })}
            options={[
              { value: "chat", label: "Chat" },
              { value: "compare", label: "Compare" },
            ]}
          />
          <Menu
            trigger={<Button icon={Code2}>Copy as</Button>}
            actions={[
              { label: "curl", onSelect: copy("curl", asCurl(asking, prompt, location.origin)) },
              { label: "Python", onSelect: copy("Python", asPython(asking, prompt, location.origin)) },
            ]}
          />
          {!comparing && (
            <>
              <Link to="/conversations" className={buttonClass()}>
                <History size={14} aria-hidden />
                Earlier
              </Link>
              <Button
                icon={Plus}
                disabled={conversation === ""}
                onClick={() => change({ conversation: undefined }, true)}
              >
                New chat
              </Button>
            </>
          )}
        </>
      }
    >
      {comparing ? (
        <Comparison asking={asking} onAsking={setAsking} draft={draft} onDraft={setDraft} />
      ) : (
        <Chat
          conversation={conversation}
          onConversation={opened}
          asking={asking}
          onAsking={setAsking}
          draft={draft}
          onDraft={setDraft}
        />
      )}
    </Page>
  );
}
