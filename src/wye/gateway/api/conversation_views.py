"""Conversations and their messages as they are shown."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from wye.gateway.api.answers import CitationView, ToolCallView, UsageView
from wye.gateway.api.people_views import moment
from wye.gateway.api.turn_views import ToolRunView
from wye.gateway.api.views import View
from wye.store.conversations import Attachment, Conversation, Found, Message
from wye.store.fulltext import phrases_of

_EXCERPT: Final = 160
"""Characters of a message that are shown with what was found in it."""


class ConversationView(View, frozen=True, kw_only=True):
    """A conversation; `model` and `provider` answered last, `head` is the message that is gone on from.

    `titleSource` is `words`, `model` or `user`. Where it was searched for, `excerpt` is of the message `found`.
    """

    id: str
    title: str
    title_source: str
    model: str | None
    provider: str | None
    agent: str | None
    instructions: str | None
    head: str | None
    tags: Sequence[str]
    metadata: dict[str, Any] | None
    archived: bool
    created_at: datetime.datetime
    updated_at: datetime.datetime
    found: str | None = None
    excerpt: str | None = None


class ConversationsView(View, frozen=True, kw_only=True):
    """Conversations, the one that went on last first; `next` is the cursor of the next page, `null` on the last."""

    conversations: Sequence[ConversationView]
    next: str | None


class AttachmentView(View, frozen=True, kw_only=True):
    """What was sent along with a message; it is at `url`. `size` is bytes."""

    id: str
    name: str
    media_type: str
    size: int
    url: str


class MessageView(View, frozen=True, kw_only=True):
    """One message. `branches` are the ids of those in its place, itself among them, in the order they were made.

    `leaves` are the last messages that follow from each of them: the heads to go on from. Of an answer there
    is also who gave it and what it took; `cost` is USD.
    """

    id: str
    parent: str | None
    branches: Sequence[str]
    leaves: Sequence[str]
    role: str
    text: str
    created_at: datetime.datetime
    attachments: Sequence[AttachmentView]
    provider: str | None
    model: str | None
    reasoning: str | None
    refusal: str | None
    citations: Sequence[CitationView]
    tools_called: Sequence[ToolRunView]
    tool_calls: Sequence[ToolCallView]
    usage: UsageView | None
    cost: float | None
    attempts: int | None
    finish_reason: str | None
    request_id: str | None


class MessagesView(View, frozen=True, kw_only=True):
    """The messages of one branch of a conversation, the first one first."""

    conversation: str
    head: str | None
    messages: Sequence[MessageView]


class TitleView(View, frozen=True, kw_only=True):
    """A title, whether a model made it or it is the first words, and what it cost (USD, `null` where unknown)."""

    title: str
    source: str
    model: str | None
    cost: float | None
    conversation: str | None


class DeletedView(View, frozen=True, kw_only=True):
    """How many were deleted."""

    deleted: int


def conversation_view(row: Conversation) -> ConversationView:
    """Return a conversation as it is shown."""
    metadata = {**(row.metadata or {})}
    instructions = metadata.pop("instructions", None)
    metadata.pop("summary", None)
    return ConversationView(
        id=row.id,
        title=row.title,
        title_source=row.title_source,
        model=row.model,
        provider=row.provider,
        agent=row.agent,
        instructions=instructions,
        head=row.head_id,
        tags=row.tags,
        metadata=metadata.get("own"),
        archived=row.archived_at is not None,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
    )


def found_view(one: Found, question: str) -> ConversationView:
    """Return a conversation that was searched for."""
    view = conversation_view(one.conversation)
    return msgspec.structs.replace(view, found=one.message_id, excerpt=_excerpt(one.text, question) or None)


def _excerpt(text: str, question: str) -> str:
    """Return the text around the first word that was looked for."""
    lowered = text.lower()
    places = [at for phrase in phrases_of(question) if (at := lowered.find(phrase[0])) >= 0]
    begin = max(min(places, default=0) - _EXCERPT // 4, 0)
    cut = " ".join(text[begin : begin + _EXCERPT].split())
    return ("…" if begin else "") + cut + ("…" if begin + _EXCERPT < len(text) else "")


def messages_view(
    conversation: Conversation,
    said: Sequence[Message],
    sent: Mapping[str, Sequence[Attachment]],
    tree: Sequence[tuple[str, str | None]],
) -> MessagesView:
    """Return a branch; `tree` are the ids and parents of all messages."""
    beside: dict[str | None, list[str]] = {}
    for one, parent in tree:
        beside.setdefault(parent, []).append(one)
    return MessagesView(
        conversation=conversation.id,
        head=said[-1].id if said else None,
        messages=[_message(one, beside, sent.get(one.id, ())) for one in said],
    )


def _leaf(message_id: str, beside: Mapping[str | None, Sequence[str]]) -> str:
    """Return the last message that follows from one: of several that follow, the one made last."""
    while after := beside.get(message_id):
        message_id = after[-1]
    return message_id


def _message(one: Message, beside: Mapping[str | None, Sequence[str]], sent: Sequence[Attachment]) -> MessageView:
    content, account = one.content or {}, one.account or {}
    cost = account.get("cost")
    branches = beside[one.parent_id]
    return MessageView(
        id=one.id,
        parent=one.parent_id,
        branches=branches,
        leaves=[_leaf(other, beside) for other in branches],
        role=one.role,
        text=one.text,
        created_at=moment(one.created_at),
        attachments=[
            AttachmentView(
                id=along.id,
                name=along.name,
                media_type=along.media_type,
                size=along.size,
                url=f"/api/conversations/{one.conversation_id}/attachments/{along.id}",
            )
            for along in sent
        ],
        provider=one.provider,
        model=one.model,
        reasoning=content.get("reasoning"),
        refusal=content.get("refusal"),
        citations=msgspec.convert(content.get("citations", []), list[CitationView]),
        tools_called=msgspec.convert(content.get("toolsCalled", []), list[ToolRunView]),
        tool_calls=msgspec.convert(content.get("toolCalls", []), list[ToolCallView]),
        usage=msgspec.convert(account["usage"], UsageView) if account.get("usage") else None,
        cost=None if cost is None else float(cost),
        attempts=account.get("attempts"),
        finish_reason=account.get("finishReason"),
        request_id=one.usage_id,
    )
