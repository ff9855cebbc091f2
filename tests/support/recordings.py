"""Recorded exchanges with real providers, as pytest parameters; read where they lie and never copied into the project.

The directory is `$WYE_RECORDINGS`, or else `shared/recordings` next to the repository. It holds one gzip file a
provider with one JSON object a line, as its own README describes. Without it, every test that wants recordings is
skipped, and says how many it would have run.
"""

import base64
import functools
import gzip
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import msgspec
import pytest
from tests.support.frames import frame_bounds

Wire: TypeAlias = Literal[
    "openai_chat",
    "openai_responses",
    "anthropic_messages",
    "gemini",
    "ollama_chat",
    "bedrock_converse",
    "cohere_chat",
]
Rechunking: TypeAlias = Literal["whole", "bytes", "utf8", "crlf", "random", "events", "prelude"]

WIRES: tuple[Wire, ...] = get_args(Wire)
RECHUNKINGS: tuple[Rechunking, ...] = get_args(Rechunking)

COUNTS: dict[Wire, tuple[int, int]] = {
    "openai_chat": (1169, 50),
    "openai_responses": (364, 6),
    "anthropic_messages": (234, 1),
    "gemini": (165, 3),
    "ollama_chat": (57, 0),
    "bedrock_converse": (192, 4),
    "cohere_chat": (99, 1),
}
"""How many answers and how many errors there are for each wire, so that a skipped test can say what it leaves out."""

_STREAM_TYPES = ("text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream")


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP exchange; bodies are bytes with every content encoding undone."""

    id: str
    provider: str
    api: str
    model: str | None
    features: tuple[str, ...]
    method: str
    url: str
    request_headers: dict[str, str]
    request_body: bytes
    status: int
    response_headers: dict[str, str]
    response_body: bytes

    def __repr__(self) -> str:
        """Name it: a failing test is not read better for a hundred kilobytes of body."""
        return f"<Recording {self.id}>"

    @property
    def streamed(self) -> bool:
        """Whether the answer came as a stream, by what the response is rather than what was asked for."""
        kind = self.response_headers.get("content-type", "").lower()
        # Gemini streams as one growing JSON array when nobody asked for events.
        array = self.api == "streamGenerateContent" and self.response_body.lstrip().startswith(b"[")
        frames = self.api == "converse-stream" and self.status < 400  # some recordings lost the type
        return array or frames or kind.startswith(_STREAM_TYPES)


def directory() -> Path:
    """Where the recordings are, or would be."""
    configured = os.environ.get("WYE_RECORDINGS")
    return Path(configured) if configured else Path(__file__).parents[3] / "shared" / "recordings"


def available() -> bool:
    """Whether there are any recordings."""
    return any(directory().glob("*.jsonl.gz"))


def load(wire: Wire, *, status_ok: bool = True) -> list[Recording]:
    """Return the answers of one wire; without `status_ok` its errors as well."""
    return [recording for recording in _all(wire) if recording.status < 400 or not status_ok]


def load_errors(wire: Wire) -> list[Recording]:
    """Return the exchanges of one wire that ended with a status of 400 or more."""
    return [recording for recording in _all(wire) if recording.status >= 400]


def every() -> Iterator[Recording]:
    """Yield every exchange of any kind there is."""
    return (line.recording() for line in _lines())


def recordings_for(wire: Wire, *, errors: bool = False) -> list[pytest.ParameterSet]:
    """Return the answers of one wire, or its errors, as parameters with short names.

    Used as `@pytest.mark.parametrize("recording", recordings_for("gemini"))`. Where there are no recordings this is
    one parameter that is skipped and says so.
    """
    if not available():
        absent = COUNTS[wire][errors]
        reason = f"{absent} recorded {wire} {'errors' if errors else 'answers'} left out: {_absence()}"
        return [pytest.param(None, id="no-recordings", marks=pytest.mark.skip(reason=reason))]
    names = _short_names(wire)
    chosen = load_errors(wire) if errors else load(wire)
    return [pytest.param(recording, id=names[recording.id]) for recording in chosen]


def rechunk(body: bytes, how: Rechunking) -> list[bytes]:
    """Cut a body into pieces that join to it again; no piece is empty.

    `whole`: one piece. `bytes`: one byte each. `utf8`: inside every character of several bytes, before each of its
    further bytes. `crlf`: between CR and LF, and between the line ends of every blank line. `random`: 1 to 64 bytes,
    the same each time. `events`: behind each blank line, or where there is none behind each line. `prelude`: in each
    of AWS's frames inside the lengths, inside their checksum, behind it, and inside the last checksum.
    """
    match how:
        case "whole":
            return [body] if body else []
        case "bytes":
            return [body[i : i + 1] for i in range(len(body))]
        case "utf8":
            return _cut_at(body, rb"(?=[\x80-\xbf])")
        case "crlf":
            return _cut_at(body, rb"(?<=\r)(?=\n)|(?<=\n)(?=\r?\n)")
        case "random":
            return _cut_irregularly(body)
        case "prelude":
            return _cut_inside_preludes(body)
        case "events":
            blank_line = rb"(?<=\n\n)|(?<=\n\r\n)"
            return _cut_at(body, blank_line if re.search(blank_line, body) else rb"(?<=\n)")


def _absence() -> str:
    return f"nothing at {directory()}; set WYE_RECORDINGS"


needs_recordings = pytest.mark.skipif(not available(), reason=f"needs recorded exchanges: {_absence()}")
"""Marks a test that loads recordings by itself."""


class _Message(msgspec.Struct):
    headers: dict[str, str]
    body: str | None = None
    body_base64: str | None = None

    def content(self) -> bytes:
        return base64.b64decode(self.body_base64) if self.body_base64 else (self.body or "").encode()


class _Request(_Message, kw_only=True):
    method: str
    url: str


class _Response(_Message, kw_only=True):
    status: int


class _Line(msgspec.Struct):
    id: str
    provider: str
    api: str
    model: str | None
    features: tuple[str, ...]
    request: _Request
    response: _Response

    def wire(self) -> Wire | None:
        match self.api:
            case "chat":
                return "openai_chat"
            case "responses" | "responses-compact":
                return "openai_responses"
            # OpenAI's assistants have a path that ends in /messages too, under a thread.
            case "messages" if "/threads/" not in self.request.url:
                return "anthropic_messages"
            case "generateContent" | "streamGenerateContent":
                return "gemini"
            case "api/chat":
                return "ollama_chat"
            case "v2chat":
                return "cohere_chat"
            case "converse" | "converse-stream":
                return "bedrock_converse"
            case _:
                return None

    def recording(self) -> Recording:
        return Recording(
            id=self.id,
            provider=self.provider,
            api=self.api,
            model=self.model,
            features=self.features,
            method=self.request.method,
            url=self.request.url,
            request_headers=_lower(self.request.headers),
            request_body=self.request.content(),
            status=self.response.status,
            response_headers=_lower(self.response.headers),
            response_body=self.response.content(),
        )


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _lines() -> Iterator[_Line]:
    decoder = msgspec.json.Decoder(_Line)
    for path in sorted(directory().glob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            yield from map(decoder.decode, lines)


@functools.cache
def _by_wire() -> dict[Wire, list[Recording]]:
    found: dict[Wire, list[Recording]] = {wire: [] for wire in WIRES}
    for line in _lines():
        wire = line.wire()
        if wire is not None:
            found[wire].append(line.recording())
    return found


def _all(wire: Wire) -> list[Recording]:
    return _by_wire()[wire]


@functools.cache
def _short_names(wire: Wire) -> dict[str, str]:
    """Map every id to its provider and the shortest end of its path that no other recording of both has."""
    unnamed = _all(wire)
    names: dict[str, str] = {}
    length = 1
    while unnamed:
        ends = {recording.id: _end(recording, length) for recording in unnamed}
        shared = Counter(ends.values())
        names |= {id_: end for id_, end in ends.items() if shared[end] == 1}
        unnamed = [recording for recording in unnamed if recording.id not in names]
        length += 1
    return names


def _end(recording: Recording, length: int) -> str:
    path, _, number = recording.id.rpartition("#")
    end = "/".join(path.removesuffix(".yaml").split("/")[-length:])
    return f"{recording.provider.removeprefix('other:')}/{end}#{number}"


def _cut_at(body: bytes, pattern: bytes) -> list[bytes]:
    return [piece for piece in re.split(pattern, body) if piece]


def _cut_inside_preludes(body: bytes) -> list[bytes]:
    cuts = [at for start, end in frame_bounds(body) for at in (start + 2, start + 6, start + 10, start + 12, end - 2)]
    pieces = [body[start:end] for start, end in pairwise([0, *cuts, len(body)])]
    return [piece for piece in pieces if piece]


def _cut_irregularly(body: bytes) -> list[bytes]:
    pieces = []
    start = 0
    while start < len(body):
        # A checksum of the position is as irregular as needed, and the same in every run.
        size = 1 + zlib.crc32(start.to_bytes(8)) % 64
        pieces.append(body[start : start + size])
        start += size
    return pieces
