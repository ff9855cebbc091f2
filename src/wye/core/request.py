"""A chat request as every wire can read it, and the call that carries it through the house."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Raw, Struct, field

from wye.core.content import Message


class Tool(Struct, frozen=True, kw_only=True):
    """A function the model may call; `parameters` is its JSON schema as the caller wrote it."""

    name: str
    description: str | None = None
    parameters: Raw | None = None
    strict: bool | None = None
    cache: Raw | None = None


class HostedTool(Struct, frozen=True, kw_only=True):
    """A tool the provider itself runs, or one that is no function, as a client of wire format `wire` wrote it.

    `kind` is one of `web_search`, `code_execution`, `file_search`, `deep_research`, or the wire's own word.
    """

    kind: str
    wire: str
    raw: Raw


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
    with their JSON as sent; an adapter that cannot express one says so. Where OpenAI's chat completions have a name for
    a parameter, every wire uses that one. `extra` holds what the caller's wire does not define at all: it travels to
    the provider untouched, if that speaks the same wire format or the caller's wire has room for a provider's members.
    `reasoning_budget` is tokens; `reasoning_summary` asks for the thoughts to be shown: `auto`, `concise`, `detailed`,
    `none`.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    hosted_tools: tuple[HostedTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: ReasoningEffort | None = None
    reasoning_budget: int | None = None
    reasoning_summary: str | None = None
    n: int | None = None
    user: str | None = None
    stream: bool = False
    options: Mapping[str, Raw] = field(default_factory=dict)
    extra: Mapping[str, Raw] = field(default_factory=dict)


Operation: TypeAlias = Literal[
    "chat", "completions", "embeddings", "rerank", "image_generation", "image_edit", "transcription", "translation",
    "speech", "moderation", "count_tokens",
]  # fmt: skip
"""What a caller wants done. `completions` are OpenAI's old ones, of a prompt."""


class Asked(Struct, frozen=True, kw_only=True):
    """What a request says beside its body: in its path and its headers.

    `model` and `stream` are set where the client's API has them in the path. `action` is what else the path asks for.
    `headers` (names in lower case) go to a provider of the same wire format. The rest is described at `Call`.
    """

    model: str | None = None
    stream: bool | None = None
    action: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop_unsupported: bool = False
    raw_events: bool = False


NOTHING_ASKED: Final = Asked()


class Call:
    """One request as it came in: its bytes, the few facts everybody needs, the rest decoded when first asked for.

    `wire` is the wire format of `body`, so that an adapter of the same format can pass the bytes on. `stream_usage`
    tells whether the caller asked to see usage on a stream. `drop_unsupported` is the caller's wish that parameters
    a wire cannot express be left out and reported instead of refused. `raw_events` tells that the caller reads a
    stream of its own wire format as bytes, so that events which only bring text need not be decoded. `headers` go to
    a provider of the same wire format. `action` is the end of the path, `/compact` say, where a wire format has other
    things to ask a model for than an answer; it is empty for an answer.
    `operation` is what models have to be able to do.
    """

    __slots__ = (
        "_chat",
        "_decode",
        "action",
        "body",
        "drop_unsupported",
        "headers",
        "model",
        "operation",
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
        operation: Operation = "chat",
        asked: Asked = NOTHING_ASKED,
    ) -> None:
        """Hold a request; `decode` turns `body` into a `ChatRequest` and raises `InvalidRequestError`."""
        self.wire = wire
        self.body = body
        self.model = model
        self.stream = stream
        self.stream_usage = stream_usage
        self.operation = operation
        self.drop_unsupported = asked.drop_unsupported
        self.raw_events = asked.raw_events
        self.headers = asked.headers
        self.action = asked.action
        self._decode = decode
        self._chat: ChatRequest | None = None

    @property
    def chat(self) -> ChatRequest:
        """The request decoded in full, once."""
        if self._chat is None:
            self._chat = self._decode(self.body)
        return self._chat
