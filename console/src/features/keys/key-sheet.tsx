import { Link } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { RotateCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { ApiError } from "@/shared/api/error";
import { type Schema, query } from "@/shared/api/client";
import { useNames } from "@/shared/books/people";
import { exactMoment, money, plural, relative } from "@/shared/lib/format";
import { useMay } from "@/shared/session";
import { Status } from "@/shared/ui/badge";
import { Button, buttonClass } from "@/shared/ui/button";
import { Facts } from "@/shared/ui/card";
import { Confirm, Sheet } from "@/shared/ui/dialog";
import { EmptyState, ErrorLine, Loaded } from "@/shared/ui/states";
import { told } from "@/shared/ui/toast";
import { ShownOnce } from "./create";
import { type Key, bodyOf, draftOf, limitProblems } from "./draft";
import { KeyFields } from "./fields";

export const KEY_TONES = { active: "good", expired: "warn", revoked: "neutral" } as const;

/** A key: what it may, what it did, and changing, replacing or revoking it. */
export function KeySheet({ id, onClose }: { id: string; onClose: () => void }) {
  const found = query.useQuery("get", "/api/keys/{key_id}", { params: { path: { key_id: id } } });
  const missing = found.error instanceof ApiError && found.error.status === 404;
  return (
    <Sheet
      open
      onOpenChange={(open) => !open && onClose()}
      title={found.data?.name ?? "Key"}
      description={found.data ? `${found.data.prefix}…` : undefined}
    >
      {missing ? (
        <EmptyState title="There is no such key">It may be somebody else&apos;s.</EmptyState>
      ) : (
        <Loaded of={found} lines={8}>
          {(key) => <Body key={key.id} shown={key} />}
        </Loaded>
      )}
    </Sheet>
  );
}

function Body({ shown: key }: { shown: Key }) {
  const can = useMay();
  const names = useNames();
  const usage = query.useQuery("get", "/api/usage", {
    params: { query: { key: key.id, since: "30d" } },
  });
  return (
    <div className="flex flex-col gap-6">
      <Facts
        rows={[
          [
            "State",
            <Status key="state" tone={KEY_TONES[key.status as keyof typeof KEY_TONES]}>
              {key.status}
            </Status>,
          ],
          ["User", names("user", key.userId)],
          key.teamId !== null && ["Team", names("team", key.teamId)],
          ["Last used", key.lastUsedAt === null ? "never" : relative(key.lastUsedAt)],
          [
            "In 30 days",
            usage.data
              ? `${plural(usage.data.total.usage.requests, "request")}, ${money(usage.data.total.usage.cost)}`
              : "…",
          ],
          [
            "Created",
            `${exactMoment(key.createdAt)}${key.createdBy ? ` by ${names("user", key.createdBy)}` : ""}`,
          ],
          key.revokedAt !== null && ["Revoked", exactMoment(key.revokedAt)],
          key.expiresAt !== null && ["Expires", exactMoment(key.expiresAt)],
        ]}
      />
      <div className="flex flex-wrap gap-2">
        <Link to="/requests" search={{ key: key.id, range: "30d" }} className={buttonClass("plain", "sm")}>
          Its requests
        </Link>
        <Link to="/usage" search={{ key: key.id }} className={buttonClass("plain", "sm")}>
          Its usage
        </Link>
        {key.status === "active" && can("manage") && <Endings of={key} />}
      </div>
      {key.status === "active" && can("manage") && <Edit key={JSON.stringify(key)} of={key} />}
    </div>
  );
}

function Edit({ of: key }: { of: Key }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState(() => draftOf(key));
  const save = query.useMutation("patch", "/api/keys/{key_id}", {
    meta: { quiet: true },
    onSuccess: async () => {
      told("Saved. It holds everywhere within two seconds.");
      await refresh(client);
    },
  });
  const changed = JSON.stringify(bodyOf(draft, 0)) !== JSON.stringify(bodyOf(draftOf(key), 0));
  const wrong = draft.name.trim() === "" || Object.keys(limitProblems(draft.limits)).length > 0;
  return (
    <form
      aria-label="What it may"
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) save.mutate({ params: { path: { key_id: key.id } }, body: bodyOf(draft) });
      }}
      className="flex flex-col gap-4 border-t pt-4"
    >
      <h3 className="text-sm font-semibold">What it may</h3>
      <KeyFields draft={draft} onDraft={setDraft} isNew={false} />
      <ErrorLine error={save.error} />
      <div className="flex gap-2">
        <Button look="primary" type="submit" busy={save.isPending} disabled={!changed || wrong}>
          Save changes
        </Button>
        {changed && <Button onClick={() => setDraft(draftOf(key))}>Undo</Button>}
      </div>
    </form>
  );
}

function Endings({ of: key }: { of: Key }) {
  const client = useQueryClient();
  const [asks, setAsks] = useState<"rotate" | "revoke" | null>(null);
  const [made, setMade] = useState<Schema["NewVirtualKeyView"] | null>(null);
  const params = { path: { key_id: key.id } };
  const rotate = query.useMutation("post", "/api/keys/{key_id}/rotate", {
    onSuccess: (data) => {
      setAsks(null);
      setMade(data);
    },
  });
  const revoke = query.useMutation("delete", "/api/keys/{key_id}", {
    onSuccess: async () => {
      setAsks(null);
      told(`“${key.name}” is revoked.`);
      await refresh(client);
    },
  });
  return (
    <>
      <Button size="sm" icon={RotateCw} onClick={() => setAsks("rotate")}>
        Replace
      </Button>
      <Button size="sm" look="danger" icon={Trash2} onClick={() => setAsks("revoke")}>
        Revoke
      </Button>
      <Confirm
        open={asks === "rotate"}
        onOpenChange={(open) => !open && setAsks(null)}
        title={`Replace “${key.name}”?`}
        consequence="You get a new key of the same rights. The old one opens nothing any more within two seconds."
        action="Replace key"
        busy={rotate.isPending}
        onConfirm={() => rotate.mutate({ params })}
      />
      <Confirm
        open={asks === "revoke"}
        onOpenChange={(open) => !open && setAsks(null)}
        title={`Revoke “${key.name}”?`}
        consequence="Whatever uses it is refused within two seconds, for good. What it did stays in the books."
        action="Revoke key"
        busy={revoke.isPending}
        onConfirm={() => revoke.mutate({ params })}
      />
      {made && (
        <ShownOnce
          made={made}
          onClose={() => {
            setMade(null);
            void refresh(client);
          }}
        />
      )}
    </>
  );
}

async function refresh(client: ReturnType<typeof useQueryClient>): Promise<void> {
  await Promise.all([
    client.invalidateQueries({ queryKey: ["get", "/api/keys"] }),
    client.invalidateQueries({ queryKey: ["get", "/api/keys/{key_id}"] }),
  ]);
}
