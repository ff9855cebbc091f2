"""What a user or the operator wants where a request says nothing, put into it in the words of its own wire."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, structs

from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError
from wye.core.request import Call
from wye.core.wire import splice

_decode = msgspec.json.Decoder(dict[str, Raw]).decode


class Defaults(Struct, frozen=True, kw_only=True):
    """A provider's defaults; `stream` false means that it is never asked for a stream."""

    temperature: float | None = None
    max_tokens: int | None = None
    stream: bool = True


NO_DEFAULTS: Final = Defaults()


class _Words(Struct, frozen=True):
    """The members of a wire's request that say it, the first to be written; `within` are names of what holds them."""

    temperature: tuple[str, ...] = ("temperature",)
    max_tokens: tuple[str, ...] = ()
    within: tuple[str, ...] = ()


_WORDS: Final[Mapping[str, _Words]] = {
    "openai_chat": _Words(max_tokens=("max_tokens", "max_completion_tokens")),
    "openai_responses": _Words(max_tokens=("max_output_tokens",)),
    "anthropic_messages": _Words(),  # it always says how long the answer may be
    "gemini": _Words(
        max_tokens=("maxOutputTokens", "max_output_tokens"), within=("generationConfig", "generation_config")
    ),
}


def for_caller(defaults: Defaults, caller: Caller, *, own: bool = False) -> Defaults:
    """Return a provider's defaults with those of a caller in their place; the same ones where it has none.

    What a caller says of something of its `own` goes before what it wants in general.
    """
    if caller.temperature is None and caller.max_tokens is None:
        return defaults
    said = (caller.temperature, caller.max_tokens)
    there = (defaults.temperature, defaults.max_tokens)
    first, second = (there, said) if own else (said, there)
    temperature = second[0] if first[0] is None else first[0]
    return structs.replace(defaults, temperature=temperature, max_tokens=first[1] or second[1])


def with_defaults(call: Call, defaults: Defaults, model: ModelInfo, traits: WireTraits) -> Call:
    """Return the call with what it leaves open filled in; the same call where it leaves nothing open.

    A temperature is left out for models that refuse it.
    """
    words = _WORDS.get(call.wire)
    if words is None or (defaults.temperature is None and defaults.max_tokens is None):
        return call
    refused = traits.refuses | (traits.reasoning_refuses if "reasoning" in model.capabilities else frozenset())
    members = _members(call.body)
    within = next(
        (name for name in words.within if _is_said(members.get(name))), words.within[0] if words.within else ""
    )
    inner = members if not within else _members(members[within]) if _is_said(members.get(within)) else {}
    limit = words.max_tokens
    if traits.max_tokens_field in limit:
        limit = (traits.max_tokens_field, *(name for name in limit if name != traits.max_tokens_field))
    wanted: list[tuple[Sequence[str], Any]] = [(limit, defaults.max_tokens)]
    if "temperature" not in refused:
        wanted.append((words.temperature, defaults.temperature))
    added = {
        names[0]: msgspec.json.encode(value)
        for names, value in wanted
        if names and value is not None and not any(_is_said(inner.get(name)) for name in names)
    }
    if not added:
        return call
    if within:
        added = {within: msgspec.json.encode(inner | {name: Raw(value) for name, value in added.items()})}
    return _with_body(call, splice(call.body, added))


def as_whole(call: Call) -> Call:
    """Return the call as one for a whole answer."""
    members = _members(call.body)
    members.pop("stream_options", None)
    if "stream" in members:
        members["stream"] = Raw(b"false")
    other = _with_body(call, msgspec.json.encode(members))
    other.stream = other.stream_usage = False
    return other


def _with_body(call: Call, body: bytes) -> Call:
    other = copy.copy(call)
    other.body = body
    other._chat = None  # noqa: SLF001 - its own kind
    return other


def _members(body: bytes | Raw) -> dict[str, Raw]:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"the request body is not valid JSON: {error}", code="invalid_json") from None


def _is_said(value: Raw | None) -> bool:
    return value is not None and bytes(value).strip() != b"null"
