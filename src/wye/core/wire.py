"""What adapters, surfaces and transport hand each other: requests, events, the state of a stream."""

import functools
import re
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct, field

Framing: TypeAlias = Literal["sse", "ndjson", "eventstream"]


class WireRequest(Struct, frozen=True, kw_only=True):
    """A request in a provider's wire format; `path` is relative to the provider's base URL.

    `dropped` names parameters that were left out because the caller allowed it, or because they do not change the
    answer; `emulated` names those expressed by other means. Both are reported to the caller.
    """

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    emulated: tuple[str, ...] = ()


class ServerEvent(Struct, frozen=True):
    """One event of a framed stream: its data and, where the framing has one, its name.

    `failed` marks what the framing itself, not the data, calls an error.
    """

    data: bytes
    name: str | None = None
    failed: bool = False


class StreamState:
    """What an adapter remembers between the events of one stream.

    `finish_seen` is set with the first finish reason, `done` with the wire's end marker. `usage` collects counts that
    come in pieces, `slots` maps the wire's own block numbers to ours, `tools` counts the tool calls so far and
    `bare_tools` holds the slots of those whose arguments have not begun. `unfinished` holds the choices that have begun
    and not ended, for wires without an end marker. `length` counts the characters of text so far, `held` keeps what
    can only go out whole. `frame` is what stands around the text in most of this stream's events.

    `raw_events` says that the caller reads this wire format itself. Then every event becomes a chunk with `raw` (and
    the event's name), also one that says nothing of the answer, and events that bring text and nothing the books need
    may be left undecoded after the first with content: their chunk has no choices.
    """

    __slots__ = (
        "bare_tools", "created", "done", "finish_seen", "frame", "held", "id", "length", "model", "raw_events", "slots",
        "tools", "unfinished", "usage",
    )  # fmt: skip

    def __init__(self, *, raw_events: bool = False) -> None:
        """Start empty."""
        self.raw_events = raw_events
        self.id = ""
        self.model = ""
        self.created = 0
        self.finish_seen = False
        self.frame: tuple[bytes, bytes] | None = None
        self.done = False
        self.usage: dict[str, int] = {}
        self.slots: dict[int, int] = {}
        self.bare_tools: set[int] = set()
        self.unfinished: set[int] = set()
        self.tools = 0
        self.length = 0
        self.held: dict[int | str, Any] = {}


_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_MODEL_KEY = re.compile(rb'"model"\s*:\s*')


def splice(body: bytes, changes: dict[str, bytes], without: Iterable[str] = ()) -> bytes:
    """Return the JSON object `body` with top-level members replaced or added; every other member keeps its bytes.

    `changes` maps names to encoded JSON, `without` are names to leave out. Raises `msgspec.DecodeError` where `body`
    is not a JSON object.
    """
    members = _decode_object(body)
    for name in without:
        members.pop(name, None)
    for name, value in changes.items():
        members[name] = Raw(value)
    return msgspec.json.encode(members)


def splice_into(body: bytes, name: str, changes: dict[str, bytes]) -> bytes:
    """Do as `splice` does to the object that is the member `name` of `body`; one is made where there is none."""
    said = _decode_object(body).get(name)
    inner = b"{}" if said is None or bytes(said) == b"null" else bytes(said)
    return splice(body, {name: splice(inner, changes)})


def replace_model(body: bytes, old: str, new: str) -> bytes:
    """Return the JSON object `body`, whose member `model` is `old`, with `new` in its place and all other bytes kept.

    Where `"model"` stands in the body once, it is that member (inside a string its quotes would be escaped), and the
    bytes around it can stay as they are; else the members are sorted apart first.
    """
    if old == new:
        return body
    member = _member(old)
    if member in body and body.count(b'"model"') == 1:
        return body.replace(member, _member(new), 1)
    start = body.find(b'"model"')
    if start >= 0 and body.find(b'"model"', start + 7) < 0 and (key := _MODEL_KEY.match(body, start)):
        value, begin = _encoded(old), key.end()
        if body.startswith(value, begin):
            return b"%b%b%b" % (body[:begin], _encoded(new), body[begin + len(value) :])
    return splice(body, {"model": _encoded(new)})


@functools.lru_cache(maxsize=1024)
def _member(name: str) -> bytes:
    return b'"model":' + msgspec.json.encode(name)


@functools.lru_cache(maxsize=1024)
def _encoded(name: str) -> bytes:
    return msgspec.json.encode(name)
