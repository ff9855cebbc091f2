"""Puts the bytes of pictures and documents into a request in place of their addresses, for wires that fetch none."""

import asyncio
import base64
import copy
from collections.abc import Iterator, Mapping, Set
from typing import Final

from msgspec import structs

from wye.core.content import File, Image, Message, Part, ToolResult
from wye.core.errors import InvalidRequestError
from wye.core.request import Call
from wye.transport.fetch import Fetched, Limits, Room, fetch

_AT_MOST: Final = 20
_BYTES_AT_MOST: Final = 32 * 1024 * 1024
"""Of all that one request points to: as long as a body may be that brings the bytes itself."""
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "image": ("image/",),
    "file": ("application/pdf", "text/", "application/vnd.", "application/msword", "application/octet-stream"),
}


async def with_bytes(call: Call, kinds: Set[str], found: dict[str, Fetched], seconds: float) -> Call:
    """Return the call with the bytes of all that it points to of these kinds (`image`, `file`), fetched side by side.

    What is fetched is added to `found`, by address; what is there already is not fetched again. All of it must come
    within `seconds`. It is the same call where it points to nothing. Raises `InvalidRequestError` where something
    cannot be had.
    """
    wanted = {
        part.url: (kind, where)
        for index, message in enumerate(call.chat.messages)
        for kind, part, where in _pointing(message.parts, f"messages[{index}].content")
        if kind in kinds and part.url
    }
    if not wanted:
        return call
    if len(wanted) > _AT_MOST:
        message = f"a request to the chosen model may point to {_AT_MOST} pictures and documents, not {len(wanted)}"
        raise InvalidRequestError(message, code="invalid_value", param="messages")
    limits = Limits(seconds=min(seconds, Limits().seconds))
    room = Room(_BYTES_AT_MOST - sum(len(one.body) for one in found.values()))

    async def find(url: str, kind: str, where: str) -> None:
        found[url] = await fetch(url, where, _KINDS[kind], limits, room)

    tasks = [asyncio.ensure_future(find(url, kind, where)) for url, (kind, where) in wanted.items() if url not in found]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    messages = tuple(_filled(message, found) for message in call.chat.messages)
    other = copy.copy(call)
    other._chat = structs.replace(call.chat, messages=messages)  # noqa: SLF001 - its own kind
    return other


def _pointing(parts: tuple[Part, ...], where: str) -> Iterator[tuple[str, Image | File, str]]:
    for at, part in enumerate(parts):
        place = f"{where}[{at}]"
        if isinstance(part, ToolResult):
            yield from _pointing(part.parts, where)
        elif isinstance(part, Image | File) and part.url and part.url.startswith(("http://", "https://")):
            kind = "image" if isinstance(part, Image) else "file"
            yield kind, part, f"{place}.{'image_url' if kind == 'image' else kind}"


def _filled(message: Message, found: Mapping[str, Fetched]) -> Message:
    return structs.replace(message, parts=tuple(_with_data(part, found) for part in message.parts))


def _with_data(part: Part, found: Mapping[str, Fetched]) -> Part:
    if isinstance(part, ToolResult):
        return structs.replace(part, parts=tuple(_with_data(inner, found) for inner in part.parts))
    if isinstance(part, Image | File) and part.url is not None and part.url in found:
        fetched = found[part.url]
        data = base64.b64encode(fetched.body).decode()
        return structs.replace(part, url=None, data=data, media_type=fetched.media_type)
    return part
