"""A chat request as every wire can read it, and the call that carries it through the house."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from msgspec import Raw, Struct, field

from wye.core.content import Message


class Tool(Struct, frozen=True, kw_only=True):
    """A function the model may call; `parameters` is its JSON schema as the caller wrote it."""

    name: str
    description: str | None = None
    parameters: Raw | None = None
    strict: bool | None = None
    cache: Raw | None = None


class ToolChoice(Struct, frozen=True):
    """Whether the model may (`auto`), must not (`none`), must (`required`) call a tool, or must call `name`."""

    mode: Literal["auto", "none", "required", "named"]
    name: str | None = None


class ResponseFormat(Struct, frozen=True, kw_only=True):
    """JSON of any shape (`json_object`) or of the shape `schema` (`json_schema`)."""

    type: Literal["json_object", "json_schema"]
    name: str | None = None
    schema: Raw | None = None
    strict: bool | None = None
    description: str | None = None


ReasoningEffort: TypeAlias = str
"""`none`, `minimal`, `low`, `medium`, `high`, `xhigh`; open, because providers add words."""


class ChatRequest(Struct, frozen=True, kw_only=True):
    """What the caller asks of a model, decoded in full.

    `options` holds parameters the caller's wire defines and few other wires can express, under the wire's own name
    with their JSON as sent; an adapter that cannot express one says so. `extra` holds what the caller's wire does not
    define at all: it travels to the provider untouched.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: ReasoningEffort | None = None
    n: int | None = None
    user: str | None = None
    stream: bool = False
    options: Mapping[str, Raw] = field(default_factory=dict)
    extra: Mapping[str, Raw] = field(default_factory=dict)


class Call:
    """One request as it came in: its bytes, the few facts everybody needs, the rest decoded when first asked for.

    `wire` is the wire format of `body`, so that an adapter of the same format can pass the bytes on. `stream_usage`
    tells whether the caller asked to see usage on a stream. `drop_unsupported` is the caller's wish that parameters
    a wire cannot express be left out and reported instead of refused. `raw_events` tells that the caller reads a
    stream of its own wire format as bytes, so that events which only bring text need not be decoded.
    """

    __slots__ = (
        "_chat",
        "_decode",
        "body",
        "drop_unsupported",
        "model",
        "raw_events",
        "stream",
        "stream_usage",
        "wire",
    )

    def __init__(
        self,
        *,
        wire: str,
        body: bytes,
        model: str,
        decode: Callable[[bytes], ChatRequest],
        stream: bool = False,
        stream_usage: bool = False,
        drop_unsupported: bool = False,
        raw_events: bool = False,
    ) -> None:
        """Hold a request; `decode` turns `body` into a `ChatRequest` and raises `InvalidRequestError`."""
        self.wire = wire
        self.body = body
        self.model = model
        self.stream = stream
        self.stream_usage = stream_usage
        self.drop_unsupported = drop_unsupported
        self.raw_events = raw_events
        self._decode = decode
        self._chat: ChatRequest | None = None

    @property
    def chat(self) -> ChatRequest:
        """The request decoded in full, once."""
        if self._chat is None:
            self._chat = self._decode(self.body)
        return self._chat
