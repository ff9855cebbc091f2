"""What every reader makes of a file: its text in blocks that know where they stand."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

_SECTION_AT_MOST: Final = 200
_UNSEEN: Final = dict.fromkeys(
    (
        *(set(range(0x20)) - {0x09, 0x0A}), *range(0x7F, 0xA0), 0xAD, 0xFEFF, 0x200B, 0x200E, 0x200F,
        *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xE0000, 0xE0080),
    )
)  # fmt: skip
"""Control characters, and what no reader sees: hidden text is a way to talk to models behind their users' backs."""


class Refused(Exception):  # noqa: N818 - it is no error of ours
    """A file that cannot be taken; the message says what its owner can do."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code, which is stable, and the message."""
        super().__init__(message)
        self.code = code
        self.message = message


class Block(Struct, frozen=True, kw_only=True):
    """A paragraph; `section` are the headings above it, joined by ` > `, and `page` counts from 1."""

    text: str
    section: str = ""
    page: int | None = None


class Parsed(Struct, frozen=True, kw_only=True):
    """A file's text; `title` is what the file says of itself, `pages` how many it has, where it has such things."""

    blocks: Sequence[Block]
    title: str | None = None
    pages: int | None = None


class Headings:
    """The headings that stand above a place."""

    def __init__(self) -> None:
        """Begin below none."""
        self._open: list[tuple[int, str]] = []
        self.first: str | None = None

    def enter(self, level: int, said: str) -> None:
        """Go below a heading, out of those of its level and deeper ones."""
        said = re.sub(r"\s+", " ", said).strip()[:_SECTION_AT_MOST]
        if not said:
            return
        self.first = self.first or said
        self._open = [*(one for one in self._open if one[0] < level), (level, said)]

    @property
    def path(self) -> str:
        """The headings as one text."""
        return " > ".join(said for _, said in self._open)[-_SECTION_AT_MOST:]


def clean(said: str) -> str:
    """Return a text with one kind of line end, and without what no reader sees."""
    said = said.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\u2028", "\n")
    return said.encode("utf-8", "replace").decode().translate(_UNSEEN)
