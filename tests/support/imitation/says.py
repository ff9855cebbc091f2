"""Small words that several imitated wires share."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.imitation.mind import RefusedError
from tests.support.upstream import Reply


def event(value: Any, name: str | None = None) -> bytes:
    """Write a server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


def sse(pieces: Sequence[bytes]) -> Reply:
    """Answer with server-sent events."""
    return Reply.stream(pieces)


def member(text: str) -> Any:
    """Read a JSON object that stands in a string."""
    try:
        value = json.loads(text)
    except ValueError:
        raise RefusedError("a tool call's arguments are not JSON") from None
    if not isinstance(value, dict):
        raise RefusedError("a tool call's arguments are not an object")
    return value


def key_of(headers: Mapping[str, str], name: str) -> str:
    """Return the value of a header that holds a key."""
    return headers.get(name, "")
