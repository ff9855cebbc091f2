"""What makes two requests the same. Whose they are is part of every key, for it is made from the caller."""

import hashlib
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct

from wye.core.caller import Caller
from wye.core.errors import WyeError
from wye.core.plan import Attempt
from wye.core.request import Call, Operation

Share: TypeAlias = Literal["user", "team"]

_FORM: Final = b"1"
"""Changes with the form of what is kept, so that releases side by side do not read each other's."""
_KEPT: Final[frozenset[Operation]] = frozenset({"chat", "completions", "embeddings", "rerank"})
_ASIDE: Final = frozenset({
    "model", "stream", "user", "metadata", "labels", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
})  # fmt: skip
"""Members that do not change the answer, or that the key has in another place."""
_REACHES_OUT: Final = frozenset({
    "previous_response_id", "conversation", "background", "container", "mcp_servers", "web_search_options",
    "search_parameters", "plugins",
})  # fmt: skip
"""Members that make an answer depend on more than the request: what a provider keeps, runs, or looks up."""
_NOTHING: Final = frozenset({b"null", b"false", b"[]", b"{}"})

_members = msgspec.json.Decoder(dict[str, Raw]).decode


class Key(Struct, frozen=True):
    """Where an answer is kept: `tenant` is whose it is, `digest` says to what."""

    tenant: str
    digest: str


class Question(Struct, frozen=True):
    """A request as far as it decides on the answer, before it is known who gives it."""

    tenant: str
    digest: bytes

    def key(self, attempt: Attempt) -> Key:
        """Return the key of the answer that `attempt` gives."""
        who = _digest((self.digest, attempt.provider.encode(), attempt.model.encode(), (attempt.alias or "").encode()))
        return Key(self.tenant, who.hex())


def tenant_of(caller: Caller, share: Share) -> str:
    """Return whose answers a caller may get; no user's is ever a team's."""
    if share == "team" and caller.team is not None:
        return f"team:{caller.team}"
    return f"user:{caller.user}"


def question_of(caller: Caller, call: Call, share: Share = "user") -> Question | None:
    """Return what `caller` asks; `None` where the answer depends on more than that, or is of a kind that is not kept.

    Members of the body count by their bytes, in whatever order they stand.
    """
    if call.operation not in _KEPT or call.action:
        return None
    try:
        members = _members(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if any(name in members and bytes(members[name]) not in _NOTHING for name in _REACHES_OUT):
        return None
    if "tools" in members and _runs_tools(call):
        return None
    flags = (call.stream, call.raw_events, call.drop_unsupported)
    parts = [_FORM, call.wire.encode(), call.operation.encode(), bytes(flags)]
    for name in sorted(call.headers):
        parts += (name.encode(), call.headers[name].encode())
    if caller.temperature is not None or caller.max_tokens is not None:
        parts.append(f"{caller.temperature} {caller.max_tokens}".encode())
    parts.append(b"")
    for name in sorted(members.keys() - _ASIDE):
        parts += (name.encode(), bytes(members[name]))
    return Question(tenant_of(caller, share), _digest(parts))


def _runs_tools(call: Call) -> bool:
    """Tell whether the provider runs tools by itself, or whether nobody can tell."""
    try:
        return bool(call.chat.hosted_tools)
    except WyeError:
        return True


def _digest(parts: Iterable[bytes]) -> bytes:
    found = hashlib.blake2b(digest_size=32)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()
