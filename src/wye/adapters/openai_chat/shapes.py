"""What answers of this wire look like, as far as anything of them is read."""

from typing import Any, Final

from msgspec import Raw, Struct

from wye.adapters import Index

NULL: Final = Raw(b"null")


class Details(Struct):
    """What the prompt's or the answer's tokens were."""

    cached_tokens: int | float | None = None
    cache_write_tokens: int | float | None = None
    audio_tokens: int | float | None = None
    reasoning_tokens: int | float | None = None
    image_tokens: int | float | None = None


NO_DETAILS: Final = Details()


class Served(Struct):
    """Tools that the provider ran itself."""

    web_search_requests: int | float | None = None


class UsageBlock(Struct):
    """What was used, in every spelling of this wire's speakers."""

    prompt_tokens: int | float | None = None
    completion_tokens: int | float | None = None
    total_tokens: int | float | None = None
    prompt_tokens_details: Details | None = None
    completion_tokens_details: Details | None = None
    prompt_cache_hit_tokens: int | float | None = None
    num_cached_tokens: int | float | None = None
    cached_tokens: int | float | None = None
    cache_creation_input_tokens: int | float | None = None
    reasoning_tokens: int | float | None = None
    num_search_queries: int | float | None = None
    num_sources_used: int | float | None = None
    server_tool_use_details: Served | None = None
    server_tool_use: Served | None = None
    cost: Any = None


class CalledFunction(Struct):
    """The name and the arguments of a call."""

    name: str | None = None
    arguments: str | dict[str, Raw] | None = None


class CalledTool(Struct):
    """A call, or a piece of one."""

    function: CalledFunction | None = None
    id: str | None = None
    index: Index | None = None


class Part(Struct):
    """A part of an answer that is a list."""

    type: str = ""
    text: str | None = None
    thinking: Any = None


class Message(Struct):
    """An answer, or a piece of one."""

    content: str | list[Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    reasoning_details: Any = None
    tool_calls: list[CalledTool] | None = None
    function_call: CalledFunction | None = None
    annotations: Any = None
    images: Raw = NULL
    audio: Raw = NULL


class BodyChoice(Struct):
    """One of the answers."""

    index: Index | None = None
    message: Message | None = None
    delta: Message | None = None
    finish_reason: str | None = None
    logprobs: Raw = NULL


class Groq(Struct):
    """What Groq puts aside."""

    usage: UsageBlock | None = None


class Body(Struct):
    """A chat completion, or an event of one."""

    choices: list[BodyChoice] | None = None
    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    usage: UsageBlock | None = None
    error: Any = None
    object: str | None = None
    service_tier: Any = None
    x_groq: Groq | None = None
    citations: Raw = NULL
    search_results: Raw = NULL
    related_questions: Raw = NULL


class SkimmedMessage(Struct):
    """As much of an answer as tells its form."""

    content: str | list[Raw] | None = None


class SkimmedChoice(Struct):
    """As much of one of the answers."""

    message: SkimmedMessage | None = None
    finish_reason: str | None = None


class Skimmed(Struct):
    """As much of a body as tells what it used, and whether its bytes can go on as they are."""

    choices: list[SkimmedChoice] | None = None
    id: str | None = None
    model: str | None = None
    usage: UsageBlock | None = None
    error: Any = None
    object: str | None = None
    service_tier: Any = None
    x_groq: Groq | None = None
