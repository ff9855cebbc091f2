"""Conversations as files: JSON with everything, Markdown to be read. What was said can forge nothing in either."""

import datetime
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from wye.assistant.talks.sent import Sent, data_url
from wye.store.conversations import Attachment, Conversation, Message

_LINE: Final = re.compile(r"\r\n|\r|\n")
_ACTIVE: Final = re.compile(
    r"<(?=/?\s*(?:script|iframe|object|embed|applet|style|link|meta|base|form|svg|math|img|image|video|audio|source"
    r"|textarea|title|xmp|plaintext|noembed|noframes|noscript|template|frame|frameset)\b"
    r"|[a-z][^>]*[\s/\"']on\w+\s*=)",
    re.IGNORECASE,
)
"""Where a tag begins that does something, wherever a viewer of Markdown lets HTML through."""
_DESTINATION: Final = re.compile(r"(\]\(\s*<?|\]:\s*<?)([^\s)>]*)")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_SAFE: Final = frozenset({"http:", "https:", "mailto:", "tel:"})
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()>#+\-.!|~&])")


def as_json(
    conversation: Conversation, messages: Sequence[Message], sent: Mapping[str, Sequence[Attachment]]
) -> dict[str, Any]:
    """Return a conversation with all its branches, and what was sent along as data URLs; times are ISO 8601."""
    return {
        "format": "wye.conversation/1",
        "id": conversation.id,
        "title": conversation.title,
        "agent": conversation.agent,
        "tags": list(conversation.tags),
        "metadata": conversation.metadata,
        "createdAt": _time(conversation.created_at),
        "updatedAt": _time(conversation.updated_at),
        "head": conversation.head_id,
        "messages": [
            {
                "id": one.id,
                "parent": one.parent_id,
                "role": one.role,
                "text": one.text,
                "createdAt": _time(one.created_at),
                "provider": one.provider,
                "model": one.model,
                "requestId": one.usage_id,
                **(one.content or {}),
                "account": one.account,
                "attachments": [_attachment(along) for along in sent.get(one.id, ())],
            }
            for one in messages
        ],
    }


def _attachment(along: Attachment) -> dict[str, Any]:
    sent = Sent(name=along.name, media_type=along.media_type, body=along.body)
    return {"id": along.id, "name": along.name, "mediaType": along.media_type, "data": data_url(sent)}


def as_markdown(
    conversation: Conversation, messages: Sequence[Message], sent: Mapping[str, Sequence[Attachment]]
) -> str:
    """Return one branch of a conversation; each message is a quotation, which nothing in it can end."""
    lines = [f"# {_literal(conversation.title) or 'Conversation'}", ""]
    for one in messages:
        who = "User" if one.role == "user" else f"Assistant ({_literal(one.model)})" if one.model else "Assistant"
        lines += [f"## {who}, {_time(one.created_at)}", ""]
        for along in sent.get(one.id, ()):
            lines += [f"Attachment: {_literal(along.name)} ({_literal(along.media_type)}, {along.size} bytes)", ""]
        for ran in (one.content or {}).get("toolsCalled", ()):
            outcome = "called" if ran.get("success") else "failed"
            lines += [f"Tool {outcome}: {_literal(str(ran.get('name')))}", ""]
        lines += [f"> {line}".rstrip() for line in _LINE.split(_harmless(one.text))]
        lines.append("")
    return "\n".join(lines)


def _harmless(text: str) -> str:
    """Return Markdown that loads nothing and runs nothing where it is shown."""
    without_tags = _ACTIVE.sub("&lt;", text)
    return _DESTINATION.sub(_led, without_tags.replace("![", "&#33;["))


def _led(found: re.Match[str]) -> str:
    """Keep a link from leading anywhere but to pages and people."""
    place = re.sub(r"[\x00-\x20]", "", html.unescape(found[2]))
    scheme = _SCHEME.match(place)
    safe = scheme is None or scheme[0].lower() in _SAFE
    return found[0] if safe else f"{found[1]}unsafe-{found[2]}"


def _literal(text: str | None) -> str:
    """Return a text of one line in which nothing means anything."""
    return _SPECIAL.sub(r"\\\1", " ".join((text or "").split())).replace("<", "&lt;")


def _time(microseconds: int) -> str:
    at = datetime.datetime.fromtimestamp(microseconds / 1e6, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
