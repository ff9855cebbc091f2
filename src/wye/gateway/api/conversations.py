"""Routes of conversations: whoever asks sees and changes its own ones, and finds no others."""

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.assistant.talks.account import plain
from wye.assistant.talks.export import as_json, as_markdown
from wye.assistant.talks.keeping import missing, missing_message
from wye.assistant.talks.question import Question
from wye.assistant.talks.sent import Sent
from wye.assistant.uses.titles import title_of
from wye.core.errors import InvalidRequestError, RouteNotFoundError
from wye.gateway.api import conversation_views as views
from wye.gateway.api.chat import EVENTS, USE, whole
from wye.gateway.api.chat_forms import (
    ConversationForm,
    ConversationUpdateForm,
    EditForm,
    RegenerateForm,
    TitleForm,
)
from wye.gateway.api.here import Here
from wye.gateway.api.turn_views import TurnView, turn_view
from wye.gateway.api.turning import TurnAnswer, attachments_of, question_of
from wye.identity.issuing import new_id
from wye.store import conversations as rows
from wye.store.database import now_us

_LOOK: Final = {"needs": ("use", "read", "manage")}
_CHANGE: Final = {"needs": ("use", "manage")}
_PAGE: Final = 50
_METADATA: Final = 16 * 1024
_Limit: TypeAlias = Annotated[int | None, QueryParameter(ge=1, le=200, description="how many at most; 50")]
_Text: TypeAlias = Annotated[str | None, QueryParameter(max_length=500, description="words that it has to have")]
_Cursor: TypeAlias = Annotated[str | None, QueryParameter(max_length=200, description="`next` of the page before")]
_Archived: TypeAlias = Annotated[bool | None, QueryParameter(description="those put away; absent: the others")]
_Tag: TypeAlias = Annotated[str | None, QueryParameter(max_length=64)]
_Format: TypeAlias = Annotated[
    Literal["json", "md"] | None, QueryParameter(name="format", description="`json` or `md`")
]
_All: TypeAlias = Annotated[bool | None, QueryParameter(name="all", description="has to be true")]
_Head: TypeAlias = Annotated[str | None, QueryParameter(max_length=100, description="the last message of a branch")]


async def _found(here: Here, connection: AsyncConnection, conversation_id: str) -> rows.Conversation:
    row = await rows.get(connection, here.caller.user, conversation_id)
    if row is None:
        raise missing(conversation_id)
    return row


@get(
    "/",
    opt={
        **_LOOK,
        "query": {"q": False, "cursor": False, "limit": False, "archived": False, "tag": False},
    },
)
async def list_conversations(
    here: NamedDependency[Here],
    q: _Text = None,
    cursor: _Cursor = None,
    limit: _Limit = None,
    archived: _Archived = None,
    tag: _Tag = None,
) -> views.ConversationsView:
    """List conversations, or with `q` search them: those whose title or messages have all its words, best first."""
    owner, most = here.caller.user, limit or _PAGE
    if q is not None:
        async with here.turns.keeping.database.read() as connection:
            hits = await rows.search(connection, owner, q, limit=most)
        return views.ConversationsView(conversations=[views.found_view(hit, q) for hit in hits], next=None)
    before = None
    if cursor is not None and (before := rows.cursor_from(cursor)) is None:
        message = "'cursor' is none of this list's: take 'next' of the page before"
        raise InvalidRequestError(message, code="invalid_value", param="cursor")
    async with here.turns.keeping.database.read() as connection:
        page = await rows.page(connection, owner, before=before, limit=most + 1, archived=bool(archived), tag=tag)
    more = len(page) > most
    shown = page[:most]
    return views.ConversationsView(
        conversations=[views.conversation_view(row) for row in shown],
        next=rows.cursor_of(shown[-1]) if more else None,
    )


@post("/", opt=_CHANGE)
async def create_conversation(here: NamedDependency[Here], data: JSONBody[ConversationForm]) -> views.ConversationView:
    """Begin a conversation, with a title, an agent or instructions of its own."""
    if not here.turns.config.keep:
        message = "conversations are not kept here ([chat] keep): send a message to POST /api/chat/message"
        raise InvalidRequestError(message, code="conversations_off")
    here.turns.agent(data.agent)
    now = now_us()
    row = rows.Conversation(
        id=new_id("conv"),
        user_id=here.caller.user,
        title=data.title or "",
        title_source="user" if data.title else "",
        agent=data.agent,
        tags=tuple(dict.fromkeys(data.tags)),
        metadata=_metadata({}, instructions=data.instructions, own=data.metadata),
        created_at=now,
        updated_at=now,
    )
    async with here.turns.keeping.database.begin() as connection:
        await rows.add(connection, here.caller.user, row)
    return views.conversation_view(row)


def _metadata(before: dict[str, Any], **values: Any) -> dict[str, Any] | None:
    """Return metadata with new values. Raises `InvalidRequestError` where they are too much."""
    if len(msgspec.json.encode(values["own"] if isinstance(values.get("own"), dict) else {})) > _METADATA:
        message = f"'metadata' has more than {_METADATA} bytes as JSON: keep such things elsewhere"
        raise InvalidRequestError(message, code="metadata_too_large", param="metadata")
    told = {**before, **{name: value for name, value in values.items() if value is not UNSET}}
    return {name: value for name, value in told.items() if value is not None} or None


@get("/{conversation_id:str}", opt=_LOOK)
async def show_conversation(here: NamedDependency[Here], conversation_id: FromPath[str]) -> views.ConversationView:
    """Show a conversation."""
    async with here.turns.keeping.database.read() as connection:
        return views.conversation_view(await _found(here, connection, conversation_id))


@patch("/{conversation_id:str}", opt=_CHANGE)
async def update_conversation(
    here: NamedDependency[Here], conversation_id: FromPath[str], data: JSONBody[ConversationUpdateForm]
) -> views.ConversationView:
    """Rename a conversation, put it away, tag it, or go on from another of its messages."""
    owner = here.caller.user
    async with here.turns.keeping.database.begin() as connection:
        row = await _found(here, connection, conversation_id)
        values: dict[str, Any] = {
            "metadata": _metadata(row.metadata or {}, instructions=data.instructions, own=data.metadata)
        }
        if data.title is not UNSET:
            values |= {"title": data.title, "title_source": "user"}
        if data.archived is not UNSET:
            values["archived_at"] = (row.archived_at or now_us()) if data.archived else None
        if not isinstance(data.tags, msgspec.UnsetType):
            values["tags"] = list(dict.fromkeys(data.tags))
        if not isinstance(data.head, msgspec.UnsetType):
            if await rows.message(connection, owner, conversation_id, data.head) is None:
                raise missing_message(data.head)
            values["head_id"] = data.head
        await rows.change(connection, owner, conversation_id, **values)
        return views.conversation_view(await _found(here, connection, conversation_id))


@delete("/{conversation_id:str}", opt=_CHANGE)
async def delete_conversation(here: NamedDependency[Here], conversation_id: FromPath[str]) -> None:
    """Delete a conversation with all that was said and sent along in it; what it cost stays on the books."""
    async with here.turns.keeping.database.begin() as connection:
        if not await rows.drop(connection, here.caller.user, conversation_id):
            raise missing(conversation_id)


@delete("/", status_code=200, opt={**_CHANGE, "query": {"all": False}})
async def delete_conversations(here: NamedDependency[Here], every: _All = None) -> views.DeletedView:
    """Delete all conversations of the caller's."""
    if not every:
        message = "to delete all of your conversations say '?all=true'; one is at /api/conversations/{id}"
        raise InvalidRequestError(message, code="missing_field", param="all")
    async with here.turns.keeping.database.begin() as connection:
        return views.DeletedView(deleted=await rows.drop(connection, here.caller.user))


@get("/{conversation_id:str}/messages", opt={**_LOOK, "query": {"head": False}})
async def list_messages(
    here: NamedDependency[Here], conversation_id: FromPath[str], head: _Head = None
) -> views.MessagesView:
    """List the messages of a conversation: those of the branch that is gone on with, or that leads to `head`."""
    owner = here.caller.user
    async with here.turns.keeping.database.read() as connection:
        row = await _found(here, connection, conversation_id)
        said = await rows.branch(connection, owner, conversation_id, head or row.head_id)
        if head is not None and not said:
            raise missing_message(head)
        sent = await rows.sent_along(connection, owner, [one.id for one in said], bodies=False)
        tree = await rows.branches(connection, owner, conversation_id)
    return views.messages_view(row, said, sent, tree)


async def _edited(here: Here, conversation_id: str, message_id: str, data: EditForm) -> Question:
    owner = here.caller.user
    async with here.turns.keeping.database.read() as connection:
        await _found(here, connection, conversation_id)
        row = await rows.message(connection, owner, conversation_id, message_id)
        if row is None:
            raise missing_message(message_id)
        if row.role != "user":
            message = "only what a user said can be said otherwise; an answer is given again by POST …/regenerate"
            raise InvalidRequestError(message, code="not_a_question", param="message")
        before = await rows.sent_along(connection, owner, [message_id])
    kept = [Sent(name=one.name, media_type=one.media_type, body=one.body) for one in before.get(message_id, ())]
    return question_of(
        here,
        data,
        text=data.message,
        sent=kept if data.attachments is None else attachments_of(here, data.attachments),
        conversation=conversation_id,
        keep=here.turns.config.keep,
        after=row.parent_id,
        at_root=row.parent_id is None,
    )


@post("/{conversation_id:str}/messages/{message_id:str}/edit", status_code=200, responses=whole(TurnView), opt=USE)
async def edit_message(
    here: NamedDependency[Here],
    conversation_id: FromPath[str],
    message_id: FromPath[str],
    data: JSONBody[EditForm],
) -> TurnAnswer:
    """Say something else instead, on a branch of its own, and get an answer; what was said before stays."""
    return TurnAnswer(here, await _edited(here, conversation_id, message_id, data), turn_view)


@post("/{conversation_id:str}/messages/{message_id:str}/edit/stream", status_code=200, responses=EVENTS, opt=USE)
async def edit_message_stream(
    here: NamedDependency[Here],
    conversation_id: FromPath[str],
    message_id: FromPath[str],
    data: JSONBody[EditForm],
) -> TurnAnswer:
    """Say something else instead, and get the answer as events."""
    return TurnAnswer(here, await _edited(here, conversation_id, message_id, data), turn_view, stream=True)


async def _again(here: Here, conversation_id: str, data: RegenerateForm) -> Question:
    owner = here.caller.user
    async with here.turns.keeping.database.read() as connection:
        row = await _found(here, connection, conversation_id)
        named = data.message_id or row.head_id
        if named is None:
            message = "nothing has been said in this conversation yet: POST /api/chat/message"
            raise InvalidRequestError(message, code="empty_conversation", param="conversation")
        said = await rows.message(connection, owner, conversation_id, named)
        if said is None:
            raise missing_message(named)
    again = said.id if said.role == "user" else said.parent_id
    return question_of(here, data, text="", conversation=conversation_id, keep=here.turns.config.keep, again=again)


@post("/{conversation_id:str}/regenerate", status_code=200, responses=whole(TurnView), opt=USE)
async def regenerate(
    here: NamedDependency[Here], conversation_id: FromPath[str], data: JSONBody[RegenerateForm]
) -> TurnAnswer:
    """Answer the last question again, by another model where one is named; the answer before stays on its branch."""
    return TurnAnswer(here, await _again(here, conversation_id, data), turn_view)


@post("/{conversation_id:str}/regenerate/stream", status_code=200, responses=EVENTS, opt=USE)
async def regenerate_stream(
    here: NamedDependency[Here], conversation_id: FromPath[str], data: JSONBody[RegenerateForm]
) -> TurnAnswer:
    """Answer the last question again, as events."""
    return TurnAnswer(here, await _again(here, conversation_id, data), turn_view, stream=True)


_FILE: Final = {
    200: ResponseSpec(
        str, generate_examples=False, media_type="application/json", description="The conversation as a file"
    )
}


@get("/{conversation_id:str}/export", responses=_FILE, opt={**_LOOK, "query": {"format": False}})
async def export_conversation(
    here: NamedDependency[Here], conversation_id: FromPath[str], form: _Format = None
) -> Response[bytes]:
    """Export a conversation: as JSON with all branches and what was sent along, or one branch as Markdown."""
    owner = here.caller.user
    async with here.turns.keeping.database.read() as connection:
        row = await _found(here, connection, conversation_id)
        if form == "md":
            said = await rows.branch(connection, owner, conversation_id, row.head_id)
        else:
            said = await rows.every(connection, owner, conversation_id)
        sent = await rows.sent_along(connection, owner, [one.id for one in said], bodies=form != "md")
    if form == "md":
        return _download(as_markdown(row, said, sent).encode(), "text/markdown; charset=utf-8", f"{row.id}.md")
    return _download(msgspec.json.encode(as_json(row, said, sent)), "application/json", f"{row.id}.json")


@get("/{conversation_id:str}/attachments/{attachment_id:str}", responses=_FILE, opt=_LOOK)
async def show_attachment(
    here: NamedDependency[Here], conversation_id: FromPath[str], attachment_id: FromPath[str]
) -> Response[bytes]:
    """Return what was sent along with a message, as a file to be saved."""
    owner = here.caller.user
    async with here.turns.keeping.database.read() as connection:
        await _found(here, connection, conversation_id)
        found = await rows.attachment(connection, owner, attachment_id)
        message = None
        if found is not None:
            message = await rows.message(connection, owner, conversation_id, found.message_id)
    if found is None or message is None:
        raise RouteNotFoundError(
            f"the conversation has no attachment {attachment_id[:100]!r}", code="attachment_not_found", param="id"
        )
    return _download(found.body, found.media_type, found.id)


def _download(body: bytes, media_type: str, name: str) -> Response[bytes]:
    """Return a file that a browser saves, and in no case runs: what is in it came from somewhere."""
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, no-store",
    }
    return Response(body, media_type=media_type, headers=headers)


@post("/generate-title", status_code=200, opt=USE)
async def generate_title(here: NamedDependency[Here], data: JSONBody[TitleForm]) -> views.TitleView:
    """Find a title: by a cheap model, or the first words where none answers. A conversation that is kept gets it."""
    if (data.messages is None) == (data.conversation is None):
        raise InvalidRequestError("give 'messages' or 'conversation'", code="missing_field", param="messages")
    owner, messages = here.caller.user, data.messages or []
    if data.conversation is not None:
        async with here.turns.keeping.database.read() as connection:
            row = await _found(here, connection, data.conversation)
            said = await rows.branch(connection, owner, data.conversation, row.head_id)
        messages = [{"role": one.role, "content": one.text} for one in said]
    title = await title_of(
        here.engine,
        here.caller,
        messages,
        model=data.model or here.turns.config.title_model or None,
        conversation=data.conversation,
    )
    if data.conversation is not None:
        async with here.turns.keeping.database.begin() as connection:
            values = {"title": plain(title.text), "title_source": title.source}
            await rows.change(connection, owner, data.conversation, **values)
    return views.TitleView(
        title=title.text,
        source=title.source,
        model=title.model,
        cost=None if title.cost is None else float(title.cost),
        conversation=data.conversation,
    )


HANDLERS: Final = (
    list_conversations, create_conversation, show_conversation, update_conversation, delete_conversation,
    delete_conversations, list_messages, edit_message, edit_message_stream, regenerate, regenerate_stream,
    export_conversation, show_attachment, generate_title,
)  # fmt: skip
