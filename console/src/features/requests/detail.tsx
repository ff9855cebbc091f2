import { Link } from "@tanstack/react-router";
import { query } from "@/shared/api/client";
import { ApiError } from "@/shared/api/error";
import { useNames } from "@/shared/books/people";
import { count, duration, exactMoment, money, words } from "@/shared/lib/format";
import { Badge, Status } from "@/shared/ui/badge";
import { Facts } from "@/shared/ui/card";
import { CopyButton } from "@/shared/ui/copy";
import { Sheet } from "@/shared/ui/dialog";
import { EmptyState, Loaded } from "@/shared/ui/states";
import { Decision } from "./decision";
import { TONES, ending } from "./list";
import { Money } from "./money";
import { type Call, type Request, causes } from "./timeline";
import { Waterfall } from "./waterfall";

/** One request: where its time went, why it went where it went, and its money. */
export function Detail({
  id,
  onOpen,
  onClose,
}: {
  id: string;
  onOpen: (id: string) => void;
  onClose: () => void;
}) {
  const found = query.useQuery("get", "/api/usage/requests/{request_id}", {
    params: { path: { request_id: id } },
  });
  const request = found.data?.request;
  const missing = found.error instanceof ApiError && found.error.status === 404;
  return (
    <Sheet
      open
      onOpenChange={(open) => !open && onClose()}
      wide
      title={request ? titleOf(request) : "Request"}
      description="Where its time went, why it went there, and its money."
    >
      {missing ? (
        <EmptyState title="There is no such request">
          Its id may be mistyped, it may be somebody else&apos;s, or it is older than what is kept.
        </EmptyState>
      ) : (
        <Loaded of={found} lines={10}>
          {(data) => (
            <Body request={data.request} attempts={data.attempts} rest={data.children} onOpen={onOpen} />
          )}
        </Loaded>
      )}
    </Sheet>
  );
}

const titleOf = (request: Request) =>
  `${request.model === null ? request.asked || "Request" : `${request.provider}/${request.model}`}, ${duration(request.durationMs)}`;

function Body({
  request,
  attempts,
  rest,
  onOpen,
}: {
  request: Request;
  attempts: readonly Call[];
  rest: readonly Request[];
  onOpen: (id: string) => void;
}) {
  const names = useNames();
  const usual = query.useQuery(
    "get",
    "/api/usage/models",
    {
      params: {
        query: { provider: request.provider ?? "", model: request.model ?? "", since: "7d", limit: 1 },
      },
    },
    { enabled: request.provider !== null && request.model !== null, staleTime: 300_000 },
  );
  const typical = usual.data?.models[0];
  const why = causes(
    request,
    attempts,
    typical ? { firstTokenMs: typical.firstTokenMs.p50, durationMs: typical.durationMs.p50 } : null,
  );
  return (
    <div className="flex flex-col gap-6">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <Status tone={TONES[request.status] ?? "neutral"}>{words(ending(request))}</Status>
        <span data-figures className="text-sm text-soft">
          {money(request.cost)} · {count(request.inputTokens)} tokens in, {count(request.outputTokens)} out
        </span>
        <span className="text-sm text-faint">{exactMoment(request.at)}</span>
        <span className="inline-flex items-center gap-1 font-mono text-xs text-faint">
          {request.id}
          <CopyButton text={request.id} label="Copy the id" />
        </span>
      </div>
      <section aria-label="Where the time went" className="flex flex-col gap-3">
        <h3 className="text-sm font-semibold">Where the time went</h3>
        <Waterfall request={request} attempts={attempts} />
        {why.length > 0 && (
          <ol className="flex flex-col gap-1 text-sm">
            {why.map((cause) => (
              <li key={cause.text} className="grid grid-cols-[4.5rem_1fr] gap-3">
                <span data-figures className="text-right font-medium">
                  {duration(cause.ms)}
                </span>
                <span className="text-soft">{cause.text}</span>
              </li>
            ))}
          </ol>
        )}
        {typical && typical.durationMs.p50 !== null && (
          <p className="text-xs text-faint">
            In the last week half of the requests to this model took at most{" "}
            {duration(typical.durationMs.p50)}, 95 of 100 at most {duration(typical.durationMs.p95)}.
          </p>
        )}
      </section>
      <Decision request={request} attempts={attempts} />
      <Money request={request} attempts={attempts} />
      <section aria-label="Whose and how" className="flex flex-col gap-3">
        <h3 className="text-sm font-semibold">Whose and how</h3>
        <Facts
          rows={[
            ["User", <To key="user" what="user" id={request.user} name={names("user", request.user)} />],
            request.key !== null && [
              "Key",
              <To key="key" what="key" id={request.key} name={names("key", request.key)} />,
            ],
            request.team !== null && [
              "Team",
              <To key="team" what="team" id={request.team} name={names("team", request.team)} />,
            ],
            request.conversation !== null && [
              "Conversation",
              <To key="talk" what="conversation" id={request.conversation} name={request.conversation} />,
            ],
            request.tags.length > 0 && [
              "Tags",
              <span key="tags" className="flex flex-wrap gap-1">
                {request.tags.map((tag) => (
                  <Badge key={tag}>{tag}</Badge>
                ))}
              </span>,
            ],
            ["By the API", words(request.surface || "unknown")],
            ["What for", words(request.operation)],
            ["Answer", request.stream ? "as a stream" : "in one piece"],
            request.parent !== null && [
              "Made for",
              <Other key="parent" id={request.parent} onOpen={onOpen} />,
            ],
          ]}
        />
      </section>
      {rest.length > 0 && (
        <section aria-label="Made on its behalf" className="flex flex-col gap-2">
          <h3 className="text-sm font-semibold">Made on its behalf</h3>
          <ol className="divide-y rounded-md border">
            {rest.map((one) => (
              <li key={one.id} className="flex items-center gap-3 px-3 py-1.5 text-sm">
                <Other id={one.id} text={`${one.provider}/${one.model}`} onOpen={onOpen} />
                <span data-figures className="ml-auto text-xs text-soft">
                  {money(one.cost)} · {duration(one.durationMs)}
                </span>
              </li>
            ))}
          </ol>
        </section>
      )}
    </div>
  );
}

function To({ what, id, name }: { what: string; id: string; name: string }) {
  return (
    <Link to="/requests" search={{ [what]: id, range: "30d" }} className="text-accent hover:underline">
      {name}
    </Link>
  );
}

function Other({ id, text = id, onOpen }: { id: string; text?: string; onOpen: (id: string) => void }) {
  return (
    <button
      type="button"
      onClick={() => onOpen(id)}
      className="truncate text-left text-accent hover:underline"
    >
      {text}
    </button>
  );
}
