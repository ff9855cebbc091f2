"""The provider's side of the wire: one pure module or package per wire format.

An adapter is a module with the names of `Adapter`. It does no I/O, keeps no state between calls and knows no other
adapter; what a provider changes about its wire format comes in as data (`Target.traits`).
"""

import functools
import hashlib
import importlib
import importlib.util
import pkgutil
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Annotated, Any, Final, Protocol, TypeAlias, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Meta, Raw, Struct

from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.content import ToolResult
from wye.core.errors import (
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    UnsupportedParameterError,
    WyeError,
)
from wye.core.operations import (
    EmbeddingsAnswer,
    EmbeddingsRequest,
    ForwardedAnswer,
    ForwardedRequest,
    OperationAnswer,
    OperationCall,
    RerankAnswer,
    RerankRequest,
    from_base64,
)
from wye.core.request import Call, ChatRequest, Operation, ResponseFormat
from wye.core.response import ModelResponse, StreamChunk
from wye.core.wire import Framing, ServerEvent, StreamState, WireRequest

Index: TypeAlias = Annotated[int, Meta(ge=0, le=2**20)]
"""The place of a choice or a call on the wire; whoever collects pieces may grow a list up to it."""

_T = TypeVar("_T")


class Target(Struct, frozen=True):
    """The model a request is built for, how its provider deviates from the wire format, and the model's `name` there.

    `name` defaults to the catalog's; it differs where the caller asked for one of the model's aliases, a snapshot say.
    """

    model: ModelInfo
    traits: WireTraits = WireTraits()
    alias: str | None = None

    @property
    def name(self) -> str:
        """What the provider calls the model."""
        return self.alias or self.model.wire_id

    def path(self, operation: Operation, default: str) -> str:
        """Return the path of an operation: the model's own, else the provider's, else `default`.

        `{model}` in it becomes the model's name. Raises `InvalidRequestError` for a name that would lead elsewhere.
        """
        path = self.model.paths.get(operation) or self.traits.paths.get(operation) or default
        if "{model}" not in path:
            return path
        if not {"", ".", ".."}.isdisjoint(self.name.split("/")):
            raise InvalidRequestError(f"{self.name!r} is no name of a model", code="invalid_value", param="model")
        return path.replace("{model}", quote(self.name, safe="/"))


class Adapter(Protocol):
    """One wire format. Implemented by modules; `load` checks that all names are there."""

    WIRE: str
    """The wire format's name; equal to the module's."""
    FRAMING: Framing
    """How its streams are framed.

    A wire format that takes the bytes of pictures or documents, and no address to fetch them from, also has
    `NEEDS_BYTES`, a set of `image` and `file`.
    """

    def build_request(self, call: Call, target: Target) -> WireRequest:
        """Say the call in this wire format; raise `UnsupportedParameterError` for what it cannot say."""

    def parse_response(self, body: bytes) -> ModelResponse:
        """Read a whole answer (status 2xx); raise the error it holds, or `MalformedResponseError`."""

    def parse_event(self, event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
        """Read one event of a stream into chunks; raise the error it holds, or `MalformedResponseError`.

        An error that comes with usage is raised after the chunk that has the usage: iterate where you catch.
        """

    def parse_error(self, status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
        """Read a refused request (status not 2xx) into an error. Header names are lower case. Never raises."""


class Embedder(Protocol):
    """The part of a wire format that embeds."""

    def build_embeddings(self, call: OperationCall[EmbeddingsRequest], target: Target) -> tuple[WireRequest, ...]:
        """Say the call in this wire format, in several requests where one does not hold as many texts."""

    def parse_embeddings(
        self, body: bytes, headers: Mapping[str, str], call: OperationCall[EmbeddingsRequest]
    ) -> EmbeddingsAnswer:
        """Read the answer to one request; raise the error it holds, or `MalformedResponseError`.

        Header names are lower case.
        """


class Reranker(Protocol):
    """The part of a wire format that puts documents into order."""

    def build_rerank(self, call: OperationCall[RerankRequest], target: Target) -> tuple[WireRequest, ...]:
        """Say the call in this wire format."""

    def parse_rerank(self, body: bytes, headers: Mapping[str, str], call: OperationCall[RerankRequest]) -> RerankAnswer:
        """Read the answer; raise the error it holds, or `MalformedResponseError`."""


class Forwarder(Protocol):
    """The part of a wire format that takes images, audio and moderation as OpenAI's clients write them."""

    def build_forwarded(self, call: OperationCall[ForwardedRequest], target: Target) -> tuple[WireRequest, ...]:
        """Pass the body on with the provider's name for the model."""

    def parse_forwarded(
        self, body: bytes, headers: Mapping[str, str], call: OperationCall[ForwardedRequest]
    ) -> ForwardedAnswer:
        """Read the usage of an answer that is otherwise passed on."""


class Operator(Struct, frozen=True):
    """How one wire format does one operation: a `build_…` and a `parse_…` of the protocols above."""

    build: Callable[[OperationCall[Any], Target], tuple[WireRequest, ...]]
    parse: Callable[[bytes, Mapping[str, str], OperationCall[Any]], OperationAnswer]


_KINDS: dict[Operation, str] = {"embeddings": "embeddings", "rerank": "rerank", "count_tokens": "count_tokens"}
"""The last word of the two functions' names; every other operation is `forwarded`."""


def operator(adapter: Adapter, operation: Operation) -> Operator | None:
    """Return how the wire format of `adapter` does `operation`, `None` where it does not.

    The two functions are in `operations/<wire>.py`, or in a module of the user's own beside those of `Adapter`.
    """
    kind = _KINDS.get(operation, "forwarded")
    for module in (adapter, _operations(adapter.WIRE)):
        build, parse = getattr(module, f"build_{kind}", None), getattr(module, f"parse_{kind}", None)
        if build and parse:
            return Operator(build, parse)
    return None


@functools.cache
def _operations(wire: str) -> ModuleType | None:
    name = f"{__name__}.operations.{wire}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def built_in() -> frozenset[str]:
    """Return the names of the wire formats in this package."""
    return frozenset(module.name for module in pkgutil.iter_modules(__path__) if module.name != "operations")


def response_reader(adapter: Adapter, call: Call) -> Callable[[bytes], ModelResponse]:
    """Return what reads a whole answer to `call`.

    Where the caller gets the answer's bytes, an adapter may offer `skim_response`, which reads only what the books
    need: usage, finish reasons, the name of the model. A stream that is made of a whole answer needs all of it.
    """
    if call.raw_events and not call.stream and call.wire == adapter.WIRE:
        skim: Callable[[bytes], ModelResponse] = getattr(adapter, "skim_response", adapter.parse_response)
        return skim
    return adapter.parse_response


_NAMES = ("WIRE", "FRAMING", "build_request", "parse_response", "parse_event", "parse_error")


def load(name: str) -> Adapter:
    """Import the adapter `name`; a dotted name is taken as a module of the user's own.

    Raises `ConfigurationError` where there is none, or where it lacks one of the names.
    """
    module_name = name if "." in name else f"{__name__}.{name}"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        message = f"there is no adapter {name!r} in this version of Wye"
        raise ConfigurationError(message, param="adapter") from error
    if missing := [needed for needed in _NAMES if not hasattr(module, needed)]:
        message = f"adapter {name!r} lacks {', '.join(missing)}"
        raise ConfigurationError(message, param="adapter")
    return module


ADVISORY: frozenset[str] = frozenset({
    "billing_policy", "context_management", "diagnostics", "fallback_credit_token", "fallbacks", "metadata",
    "prediction", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_summary",
    "safety_identifier", "safetySettings", "service_tier", "speed", "store", "truncation", "user", "user_profile_id",
    "workspace_id",
})  # fmt: skip
"""Parameters that do not change the answer: a wire without them leaves them out and reports it."""

_OPTIONAL: tuple[str, ...] = (
    "parallel_tool_calls", "response_format", "temperature", "top_p", "top_k", "stop", "seed", "presence_penalty",
    "frequency_penalty", "reasoning_effort", "reasoning_budget", "reasoning_summary", "n", "user",
)  # fmt: skip


def left_out(call: Call, wire: str, expressed: frozenset[str]) -> tuple[str, ...]:
    """Return the parameters of `call` that a wire expressing only `expressed` has to leave out.

    Raises `UnsupportedParameterError` for one that would change the answer, unless the caller allowed it.
    """
    chat = call.chat
    named = [name for name in _OPTIONAL if getattr(chat, name) not in (None, ())]
    if chat.parallel_tool_calls or not chat.tools:
        named = [name for name in named if name != "parallel_tool_calls"]  # asks for what every wire does
    if chat.reasoning_summary == "none":
        named.remove("reasoning_summary")  # so does this
    missing = tuple(name for name in (*named, *chat.options) if name not in expressed)
    if not call.drop_unsupported:
        for name in missing:
            if name not in ADVISORY:
                raise cannot_express(name, wire)
    return missing


_WITH_MORE: Final = frozenset({"openai_chat", "openai_completions"})
"""Wires whose callers add members that are meant for whichever provider answers: `extra_body` of OpenAI's clients."""


def added(call: Call, dropped: list[str]) -> dict[str, Raw]:
    """Return what the caller added to the members of its wire; where those are the wire's own, report them dropped."""
    extra = dict(call.chat.extra)
    if call.wire in _WITH_MORE:
        return extra
    dropped += extra
    return {}


def failed_tools(chat: ChatRequest) -> list[str]:
    """Name the results that say a tool failed, for wires that have no member for it and say so in words."""
    return [
        f"messages[{index}].is_error"
        for index, message in enumerate(chat.messages)
        if any(isinstance(part, ToolResult) and part.is_error for part in message.parts)
    ]


def asks_to_think(chat: ChatRequest) -> bool:
    """Tell whether a request says how much to think, and does not say "not at all"."""
    return bool(chat.reasoning_budget) if chat.reasoning_effort is None else chat.reasoning_effort != "none"


def cannot_express(param: str, wire: str) -> UnsupportedParameterError:
    """Make the error for a parameter or part that a wire format has no words for."""
    message = (
        f"'{param}' cannot be expressed in the wire format {wire!r} of the chosen model; remove it, choose another "
        "model, or send the header 'x-wye-drop-unsupported: true' to leave such parameters out"
    )
    return UnsupportedParameterError(message, param=param)


def texts_of(call: OperationCall[EmbeddingsRequest], wire: str) -> tuple[str, ...]:
    """Return the texts to be embedded; raise `UnsupportedParameterError` where the caller sent tokens instead."""
    if call.request.tokens:
        raise cannot_express("input", wire)
    return call.request.texts


VectorsByType: TypeAlias = dict[str, list[list[float] | str] | None]
"""Vectors as Cohere's models give them: by the type of their numbers, of which `base64` holds floats."""


def vectors_by_type(given: VectorsByType) -> tuple[Sequence[float], ...]:
    """Return the vectors of floats, or of the first type there is where the caller asked for another one."""
    found = given.get("float") or next((vectors for vectors in given.values() if vectors is not None), None)
    if found is None:
        message = "the provider's answer holds no embeddings"
        raise MalformedResponseError(message)
    try:
        return tuple(from_base64(vector) if isinstance(vector, str) else vector for vector in found)
    except ValueError as error:
        message = f"the provider's vector is not base64 of 32-bit floats: {error}"
        raise MalformedResponseError(message) from None


def json_instruction(form: ResponseFormat) -> str:
    """Return the sentence that asks for JSON where a wire or model has no switch for it."""
    if form.schema is None:
        return "Answer with one valid JSON object and nothing else: no prose, no code fence."
    schema = bytes(form.schema).decode(errors="replace")
    return f"Answer with one JSON value that fits this JSON schema and nothing else, no prose, no code fence: {schema}"


def decoded(decode: Callable[[bytes], _T], body: bytes, kind: str) -> _T:
    """Decode what a provider sent; raise `MalformedResponseError` where it is not `kind`, or not text at all.

    The decoders leave what they need not know unread, but it may be passed on, so that it must be text is checked here.
    """
    try:
        if not body.isascii():
            body.decode()
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the provider's answer is not {kind}: {error}"
        raise MalformedResponseError(message) from None


def count(number: float | None) -> int:
    """Return a count as a whole number; one below zero or beyond any bill is brought back to sense."""
    if not number:
        return 0
    return int(number) if 0 < number <= _MOST else int(min(max(number, 0), _MOST))


_MOST = 2**40


_USUAL = frozenset({"", "auto", "default", "standard", "on_demand", "unspecified", "none", "not_available", "global"})
_BEFORE_TIERS = re.compile(r"^(?:service_tier_|traffic_type_|on_demand_(?=.))")
_TIER = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def tier_of(*words: object) -> str | None:
    """Return the tier of service that an answer names: empty for any word of the usual one, `None` where it says none.

    Several words that are not usual are joined by `+`.
    """
    if words == (None,):
        return None
    said = [_BEFORE_TIERS.sub("", word.lower()) for word in words if isinstance(word, str)]
    return "+".join(word for word in said if word not in _USUAL and _TIER.fullmatch(word)) if said else None


_TOO_LONG = re.compile(
    r"maximum context length|context[ _]length[ _]exceeded|context (?:length|window|size) (?:is only|of only)"
    r"|(?:exceed|greater than|longer than|larger than|too (?:long|large) for|beyond)[^.]{0,60}context"
    r"|context (?:length|window|size|limit)[^.]{0,40}(?:exceed|overflow)"
    r"|(?:prompt|input|conversation|messages) (?:is|are) too long|too long for requested model|maximum prompt length"
    r"|too large for model with|reduce the length of|`inputs` tokens \+ `max_new_tokens`|input tokens exceed"
    r"|(?:token count|number of tokens|tokens in the prompt)[^.]{0,60}exceed|too many input tokens"
    r"|exceeds? the (?:maximum|model's)[^.]{0,40}(?:number of tokens|token limit|input length|allowed input)"
)
"""How providers say that a prompt does not fit; routers repeat the words of those behind them on any wire."""


def says_too_long(message: str) -> bool:
    """Tell whether the words of a refusal mean that the prompt does not fit the model's context."""
    lowered = message.lower()
    return _TOO_LONG.search(lowered) is not None and not ("rate limit" in lowered and "per minute" in lowered)


def arguments_object(arguments: str, where: str) -> Raw:
    """Return a tool call's arguments as the JSON object that some wires want; `where` names the call in the request."""
    text = arguments.strip()
    if text in {"", "null"}:
        text = "{}"  # what models write where a function takes nothing
    try:
        msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        message = f"the arguments of the tool call at {where} are not a JSON object"
        raise InvalidRequestError(message, code="invalid_value", param=where) from None
    return Raw(text.encode())


def made_call_id(answer_id: str, *place: int) -> str:
    """Make an id for a tool call that came without one.

    It is made of the answer's id and the call's place in it, so it is the same whenever that answer is read and another
    one in every other turn of a conversation. An answer without an id gets random ones.
    """
    seed = answer_id or uuid.uuid4().hex
    digest = hashlib.blake2b(f"{seed}{place}".encode(errors="replace"), digest_size=12)
    return f"call_{digest.hexdigest()}"
