"""Says the parts of a conversation as Converse's content blocks."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.adapters import arguments_object, cannot_express
from wye.core.content import (
    CLAUDE_SIGNED,
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

WIRE: Final = "bedrock_converse"

_IMAGES: Final[Mapping[str, str]] = {
    "image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp",
}  # fmt: skip
_IMAGE_STARTS: Final = (("iVBOR", "png"), ("/9j/", "jpeg"), ("R0lG", "gif"), ("UklG", "webp"))
_DOCUMENTS: Final[Mapping[str, str]] = {
    "application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md",
    "application/msword": "doc", "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}  # fmt: skip
_VIDEOS: Final[Mapping[str, str]] = {
    "video/mp4": "mp4", "video/quicktime": "mov", "video/webm": "webm", "video/x-matroska": "mkv", "video/mpeg": "mpeg",
    "video/x-flv": "flv", "video/x-ms-wmv": "wmv", "video/3gpp": "three_gp",
}  # fmt: skip
_AUDIO: Final = frozenset({
    "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm",
})  # fmt: skip
_EXTENSIONS: Final[Mapping[str, str]] = {"htm": "html", "3gp": "three_gp", "mpg": "mpeg", "jpg": "jpeg"}
_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9_-]")
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9\s\-()\[\]]+")
_LONGEST_ID: Final = 64
_LONGEST_NAME: Final = 200
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Said(Struct):
    """What becomes of a request while it is said: `caches` where the model takes cache points, `claude` where it signs.

    What is left out, or said otherwise, is reported. `names` are those of documents, each of which may stand in a
    request once.
    """

    caches: bool
    claude: bool
    json_results: bool
    dropped: list[str]
    emulated: list[str]
    names: dict[str, int]
    tools_used: dict[str, None]

    def report(self, kept: list[str], what: str) -> None:
        """Note what was left out or said otherwise, once."""
        if what not in kept:
            kept.append(what)


def blocks(message: Message, where: str, said: Said) -> list[dict[str, Any]]:
    """Return the blocks of a message; text that is blank is left out, as the wire refuses it."""
    found: list[dict[str, Any]] = []
    for at, part in enumerate(message.parts):
        place = f"{where}.content[{at}]"
        if isinstance(part, Text) and not part.text.strip():
            continue
        block = _block(part, place, said)
        if block is None:
            continue
        found.append(block)
        if (point := cache_point(getattr(part, "cache", None), said)) is not None:
            # Behind a document or a video the wire takes no cache point, in front of it it does.
            late = not {"document", "video"}.isdisjoint(block)
            if not late or len(found) > 1:
                found.insert(len(found) - 1 if late else len(found), point)
    if any("document" in block for block in found) and not any("text" in block for block in found):
        found.append({"text": "See the attached document."})  # the wire wants text beside a document
        said.report(said.emulated, f"{where}.content")
    return found


def cache_point(cache: Raw | None, said: Said) -> dict[str, Any] | None:
    """Return the mark that the prompt is to be cached up to here, where the model knows such marks."""
    if cache is None:
        return None
    if not said.caches:
        said.report(said.dropped, "cache_control")
        return None
    try:
        ttl = _decode_object(cache).get("ttl")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        ttl = None
    return {"cachePoint": {"type": "default", **({"ttl": ttl} if ttl == "1h" else {})}}


def _block(part: Part, where: str, said: Said) -> Any:
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"text": text}
        case Image():
            return _image(part, where)
        case File():
            return _file(part, where, said)
        case Audio(data=data, format=kind) if kind.lower() in _AUDIO:
            return {"audio": {"format": kind.lower(), "source": {"bytes": data}}}
        case Reasoning():
            return _thought(part, where, said)
        case ToolCall():
            said.tools_used[part.name] = None
            given = arguments_object(part.arguments, where)
            return {"toolUse": {"toolUseId": _tool_id(part.id), "name": part.name, "input": given}}
        case ToolResult():
            return _tool_result(part, where, said)
        case Opaque(wire=wire, raw=raw) if wire == WIRE:
            return msgspec.json.decode(raw)
        case Opaque():
            said.report(said.dropped, where)
            return None
    raise cannot_express(where, WIRE)


def _thought(part: Reasoning, where: str, said: Said) -> dict[str, Any] | None:
    """Give signed reasoning back; text without a signature is refused, and none is needed."""
    ours = part.origin in {None, WIRE}
    if part.encrypted and ours:
        return {"reasoningContent": {"redactedContent": part.encrypted}}
    if part.signature and (ours or (said.claude and part.origin in CLAUDE_SIGNED)):
        return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}
    said.report(said.dropped, where)
    return None


def _image(part: Image, where: str) -> dict[str, Any]:
    if part.data is None:
        kind = _extension(part.url or "")
        known = _IMAGES.get(f"image/{kind}")
        return {"image": {"format": known or "jpeg", "source": _stored(part.url, f"{where}.image_url")}}
    kind = _IMAGES.get((part.media_type or "").lower()) or next(
        (kind for start, kind in _IMAGE_STARTS if part.data.startswith(start)), ""
    )
    if not kind:
        raise cannot_express(f"{where}.image_url", WIRE)
    return {"image": {"format": kind, "source": {"bytes": part.data}}}


def _file(part: File, where: str, said: Said) -> dict[str, Any]:
    source = {"bytes": part.data} if part.data is not None else _stored(part.url, f"{where}.file")
    media_type = (part.media_type or "").lower().partition(";")[0]
    ending = _extension(part.filename or part.url or "")
    if kind := _IMAGES.get(media_type):
        return {"image": {"format": kind, "source": source}}
    if kind := _VIDEOS.get(media_type) or (ending if ending in _VIDEOS.values() else None):
        return {"video": {"format": kind, "source": source}}
    kind = _DOCUMENTS.get(media_type) or (ending if ending in _DOCUMENTS.values() else None)
    if kind is None and media_type.startswith("text/"):
        kind = "txt"
    if kind is None and not media_type and (part.data or "").startswith("JVBERi"):
        kind = "pdf"
    if kind is None:
        raise cannot_express(f"{where}.file", WIRE)
    return {"document": {"format": kind, "name": _name(part.filename, said), "source": source}}


def _stored(url: str | None, where: str) -> dict[str, Any]:
    """Point to a file in S3, the only address the wire knows."""
    if url is None or not url.startswith("s3://"):
        raise cannot_express(where, WIRE)
    return {"s3Location": {"uri": url}}


def _extension(name: str) -> str:
    ending = name.partition("?")[0].rpartition(".")[2].lower()
    return _EXTENSIONS.get(ending, ending)


def _name(filename: str | None, said: Said) -> str:
    """Make a name of the characters the wire allows, another one for each document."""
    stem = (filename or "").rpartition(".")[0] or filename or ""
    name = " ".join(_NOT_IN_NAMES.sub(" ", stem).split())[: _LONGEST_NAME - 5] or "document"
    said.names[name] = times = said.names.get(name, 0) + 1
    return name if times == 1 else f"{name}-{times}"


def _tool_id(call_id: str) -> str:
    """Make an id the wire takes; the same one for the same id, so that a result finds its call."""
    if len(call_id) <= _LONGEST_ID and call_id and not _NOT_IN_IDS.search(call_id):
        return call_id
    digest = hashlib.blake2b(call_id.encode(errors="replace"), digest_size=6).hexdigest()
    return f"{_NOT_IN_IDS.sub('_', call_id)[: _LONGEST_ID - 13]}_{digest}"


def _tool_result(result: ToolResult, where: str, said: Said) -> dict[str, Any]:
    content = [
        _block(part, f"{where}[{at}]", said)
        for at, part in enumerate(result.parts)
        if not (isinstance(part, Text) and not part.text.strip())
    ]
    if any("audio" in block for block in content):
        raise cannot_express(where, WIRE)
    if said.json_results:
        content = [{"json": _as_json(block["text"])} if "text" in block else block for block in content]
    body: dict[str, Any] = {"toolUseId": _tool_id(result.call_id), "content": content}
    if result.is_error:
        body["status"] = "error"
    return {"toolResult": body}


def _as_json(text: str) -> Any:
    try:
        return _decode_object(text)
    except (msgspec.DecodeError, RecursionError):
        return {"result": text}
