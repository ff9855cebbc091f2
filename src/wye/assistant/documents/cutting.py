"""Cuts a text into passages: small enough to be quoted, overlapping so that no thought is lost between two."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from wye.assistant.documents.parsed import Block
from wye.core.document import Passage

LENGTH: Final = 1200
"""Characters of a passage, about: some 300 tokens."""
OVERLAP: Final = 200
"""Characters at the end of a passage that the next one may begin with, in whole sentences."""
_BETWEEN: Final = "\n\n"
_END: Final = re.compile(r"[.!?…][\"'”’)\]]{0,3}\s+|[。！？]|\n+")
_Span = tuple[int, int]


def cut(blocks: Sequence[Block]) -> tuple[list[Passage], int]:
    """Return the passages of a text, in order, and how many characters it has.

    The text is that of all blocks with a blank line between them; a passage is a part of it as it is, below one heading
    and on one page.
    """
    passages: list[Passage] = []
    at = 0
    for (section, page), group in groupby(blocks, key=lambda block: (block.section, block.page)):
        text = _BETWEEN.join(block.text for block in group)
        for start, end in _grouped(list(_units(text))):
            piece = text[start:end]
            blank = len(piece) - len(piece.lstrip("\n"))
            if said := piece.strip("\n"):
                passages.append(
                    Passage(position=len(passages), page=page, section=section, start=at + start + blank, text=said)
                )
        at += len(text) + len(_BETWEEN)
    return passages, max(0, at - len(_BETWEEN))


def _units(text: str) -> Iterator[_Span]:
    """Yield sentences and lines; a longer one than a passage in parts, between words where there are any."""
    start = 0
    for end in (*(found.end() for found in _END.finditer(text)), len(text)):
        while end - start > LENGTH:
            space = text.rfind(" ", start + LENGTH // 2, start + LENGTH)
            middle = space + 1 if space > 0 else start + LENGTH
            yield start, middle
            start = middle
        if end > start:
            yield start, end
        start = end


def _grouped(units: list[_Span]) -> Iterator[_Span]:
    """Yield as many units together as make a passage, beginning again a little before the last one's end."""
    first = 0
    while first < len(units):
        last = first + 1
        while last < len(units) and units[last][1] - units[first][0] <= LENGTH:
            last += 1
        end = units[last - 1][1]
        yield units[first][0], end
        if last == len(units):
            return
        following = last
        while following > first + 1 and end - units[following - 1][0] <= OVERLAP:
            following -= 1
        first = following
