"""What a caller asks and sees, before and after it is said in the words of one client API."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Any
Items: TypeAlias = list[Json]
"""Messages of a conversation in a client API's own form."""

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one dot, 70 bytes."""
PICTURE_SEEN = "70 bytes]"

WEATHER: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
    "required": ["city"],
}
TIME: Json = {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}
TOOLS: dict[str, Json] = {"get_weather": WEATHER, "get_time": TIME}
ANSWER_SCHEMA: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Ask:
    """A request; `choice` is `auto`, `none`, `required` or a tool's name, `effort` one of OpenAI's words."""

    model: str
    items: Items
    system: str | None = None
    stream: bool = False
    tools: dict[str, Json] = field(default_factory=dict)
    choice: str | None = None
    parallel: bool | None = None
    schema: Json = None
    effort: str | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Request:
    """What goes over HTTP."""

    path: str
    body: Json
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def encoded(self) -> bytes:
        return json.dumps(self.body).encode()


@dataclass
class SeenCall:
    """A tool call; the arguments decoded."""

    id: str
    name: str
    arguments: Json


@dataclass
class Seen:
    """An answer as a client of the API understands it; `finish` is `stop`, `length` or `tool_calls`.

    `kept` is what the client would put into its next request, in the API's own form.
    """

    text: str = ""
    reasoning: str = ""
    calls: list[SeenCall] = field(default_factory=list)
    finish: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    kept: Items = field(default_factory=list)


@dataclass(frozen=True)
class Failure:
    """An error in an API's own envelope."""

    type: str
    message: str
    code: str | None


def events(body: bytes) -> Iterator[tuple[str | None, str]]:
    """Read server-sent events strictly: every one is complete; comments and empty lines say nothing."""
    text = body.decode().replace("\r\n", "\n")
    assert text.endswith("\n\n"), f"the stream ends within an event: {text[-80:]!r}"
    for block in text.removesuffix("\n\n").split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if not lines:
            continue
        fields = [line.split(": ", 1) for line in lines]
        names = [value for name, value in fields if name == "event"]
        data = [value for name, value in fields if name == "data"]
        assert len(names) + len(data) == len(fields), f"not an event: {block!r}"
        yield (names[0] if names else None), "\n".join(data)


def last_event(body: bytes) -> Json:
    """Return the last event of a stream."""
    return json.loads(list(events(body))[-1][1])
