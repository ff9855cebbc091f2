"""What every imitated model does with a request, whatever wire it came on: one rule, so that wires can be compared.

A wire's module hears a request (`Heard`), the mind answers (`Said`), and the module says that in its own words. The
answer follows from the request alone:

* the last user text may hold lines `call NAME {"json": "object"}`: each becomes a tool call, where tools are declared;
* a tool choice that demands a call gets one, made to fit the tool's schema;
* after results of tools the text repeats them: `results: 21 degrees; 4 degrees`;
* a schema gets a JSON value that fits it, also one that the system text asks for in words;
* else the text repeats the last user text and names every image and file: `echo: look [image/png 68 bytes]`.

Asked to reason, it thinks `pondering <last user text>` first, signed. Usage counts words: those of every text, result
and schema heard, 50 for an image or file, and for the answer those of thoughts and text, with 5 for each call.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any

DIRECTIVE = re.compile(r"^call (\w+) (\{.*\})$", re.MULTILINE)
INSTRUCTION = re.compile(r"JSON schema\b[^{]*(\{.*\})", re.DOTALL)


class RefusedError(Exception):
    """The request is one that the real wire refuses; `kind` is the wire's own word where it has one."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind


@dataclass(frozen=True)
class Seen:
    """An image or file: base64 data of a media type, or an address."""

    media_type: str = ""
    size: int = 0
    url: str = ""

    def __str__(self) -> str:
        return f"[at {self.url}]" if self.url else f"[{self.media_type} {self.size} bytes]"


def seen(media_type: str, data: str) -> Seen:
    """Look at base64 data; it must be exactly that."""
    try:
        return Seen(media_type, len(base64.b64decode(data, validate=True)))
    except ValueError:
        raise RefusedError("the image is not valid base64") from None


@dataclass(frozen=True)
class Called:
    """A tool call; on a wire without ids `id` is empty."""

    id: str
    name: str
    arguments: Json
    signature: str = ""


@dataclass(frozen=True)
class Result:
    """What a tool answered; a wire gives `id` or `name` or both."""

    id: str
    name: str
    text: str
    is_error: bool = False


Speaker: TypeAlias = Literal["user", "assistant", "tool"]


@dataclass(frozen=True)
class Turn:
    """One message of the conversation as heard."""

    role: Speaker
    texts: tuple[str, ...] = ()
    media: tuple[Seen, ...] = ()
    calls: tuple[Called, ...] = ()
    results: tuple[Result, ...] = ()
    thoughts: tuple[tuple[str, str], ...] = ()
    """Reasoning given back: text and signature."""

    @property
    def text(self) -> str:
        return "".join(self.texts)


@dataclass(frozen=True)
class Heard:
    """A request, understood."""

    model: str
    turns: tuple[Turn, ...]
    system: str = ""
    tools: dict[str, Json] = field(default_factory=dict)
    """JSON schemas by the tools' names."""
    choice: str = "auto"
    """`auto`, `none`, `required`, or a tool's name."""
    parallel: bool = True
    schema: Json = None
    json_mode: bool = False
    thinking: bool = False
    stream: bool = False
    limit: int | None = None
    stop: tuple[str, ...] = ()
    wants_usage: bool = True

    @property
    def question(self) -> str:
        """The last user text."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user" and turn.texts), "")


@dataclass(frozen=True)
class Said:
    """An answer; `finish` is `stop`, `length` or `tool_calls`."""

    text: str = ""
    thoughts: str = ""
    signature: str = ""
    calls: tuple[Called, ...] = ()
    finish: Literal["stop", "length", "tool_calls"] = "stop"
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    """Part of `output_tokens`."""

    def pieces(self) -> list[str]:
        """Cut the text into what a stream sends at a time."""
        return cut(self.text)


def cut(text: str) -> list[str]:
    """Cut a text after each of its spaces."""
    return re.findall(r"\S*\s|\S+$", text)


def words(text: str) -> int:
    return len(text.split())


SIGNERS = {"anthropic_messages": "claude", "vertex_anthropic": "claude", "bedrock_converse": "claude"}
"""Anthropic signs the same on every platform: https://docs.claude.com/en/docs/build-with-claude/extended-thinking."""


def sign(thoughts: str, wire: str) -> str:
    """Sign as the provider of one wire does; base64, as the wires that look inside want it."""
    return base64.b64encode(
        f"{SIGNERS.get(wire, wire)} {hashlib.sha256(thoughts.encode()).hexdigest()[:20]}".encode()
    ).decode()


def made_id(prefix: str, heard: Heard, position: int) -> str:
    """Make an id that is another one in every turn and place, and the same each time the request comes."""
    seed = f"{len(heard.turns)} {position} {heard.question}"
    return prefix + hashlib.sha256(seed.encode()).hexdigest()[:24]


def answer(heard: Heard, wire: str) -> Said:
    """Say what the rule above says."""
    thoughts = f"pondering {heard.question}".strip() if heard.thinking else ""
    said = Said(thoughts=thoughts, signature=sign(thoughts, wire) if thoughts else "")
    calls = _calls(heard)
    last = heard.turns[-1]
    if calls:
        said = replace(said, calls=calls, finish="tool_calls")
    elif last.results:
        said = replace(said, text="results: " + "; ".join(result.text for result in last.results))
    elif (schema := heard.schema or _instructed(heard)) is not None:
        said = replace(said, text=json.dumps(sample(schema, schema)))
    elif heard.json_mode:
        said = replace(said, text=json.dumps({"echo": heard.question}))
    else:
        media = [str(item) for turn in heard.turns if turn.role != "assistant" for item in turn.media]
        said = replace(said, text=" ".join([f"echo: {heard.question}", *media]))
    return _counted(heard, _ended(heard, said))


def _calls(heard: Heard) -> tuple[Called, ...]:
    if not heard.tools or heard.choice == "none":
        return ()
    found = []
    if not heard.turns[-1].results:
        found = [(name, json.loads(text)) for name, text in DIRECTIVE.findall(heard.turns[-1].text)]
    if heard.choice not in {"auto", "required"}:
        found = [pair for pair in found if pair[0] == heard.choice]
    if not found and heard.choice != "auto":
        name = next(iter(heard.tools)) if heard.choice == "required" else heard.choice
        found = [(name, sample(heard.tools[name], heard.tools[name]))]
    found = [pair for pair in found if pair[0] in heard.tools][: None if heard.parallel else 1]
    return tuple(Called(made_id("call_", heard, at), name, value) for at, (name, value) in enumerate(found))


def _instructed(heard: Heard) -> Json:
    """Find a schema that the system text asks for in words, as an obedient model does."""
    found = INSTRUCTION.search(heard.system)
    return json.loads(found[1]) if found else None


def _ended(heard: Heard, said: Said) -> Said:
    """Stop at a stop sequence, or where the limit is reached."""
    text, finish = said.text, said.finish
    for stop in heard.stop:
        text = text.partition(stop)[0]
    if heard.limit is not None and not said.calls and words(text) > heard.limit:
        text, finish = "".join(cut(text)[: heard.limit]), "length"
    return replace(said, text=text, finish=finish)


def _counted(heard: Heard, said: Said) -> Said:
    given = words(heard.system) + sum(words(json.dumps(tool)) for tool in heard.tools.values())
    for turn in heard.turns:
        given += sum(map(words, turn.texts)) + 50 * len(turn.media) + 5 * len(turn.calls)
        given += sum(words(result.text) for result in turn.results)
    reasoning = words(said.thoughts)
    return replace(
        said,
        input_tokens=given,
        output_tokens=reasoning + words(said.text) + 5 * len(said.calls),
        reasoning_tokens=reasoning,
    )


def sample(schema: Json, root: Json) -> Json:
    """Make the plainest value that fits a JSON schema."""
    if "$ref" in schema:
        target = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return sample(target, root)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return sample(schema[union][0], root)
    kind = schema.get("type", "object")
    kind = (kind[0] if isinstance(kind, list) else kind).lower()
    match kind:
        case "object":
            return {name: sample(value, root) for name, value in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema.get("items", {"type": "string"}), root)]
    return {"string": "something", "integer": 7, "number": 2.5, "boolean": True, "null": None}[kind]
