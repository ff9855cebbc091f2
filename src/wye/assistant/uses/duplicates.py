"""Finds examples that are there twice, or nearly so, in one pass.

A text's sketch is the smallest hashes of its runs of words; two sketches tell how much of the runs the texts share, to
within some percent. Source: Broder, On the resemblance and containment of documents (1997).
"""

import heapq
import re
import zlib
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["duplicate", "near_duplicate"]
ALIKE: Final = 0.85
"""How much two texts share to be called nearly the same."""
_RUN: Final = 4
_SKETCH: Final = 64
_LOOKED_UP: Final = 8
MOST: Final = 100_000
"""Examples whose sketches are kept, some 2 kB each; what comes later is compared with those."""
_MOST_PER_HASH: Final = 32
"""How many examples are remembered by one run of words: what everybody says tells nothing."""
_SHORTEST: Final = 12
"""Words; of shorter texts only equal ones are told."""
_word: Final = re.compile(r"\w+")
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Duplicates:
    """The examples seen so far."""

    def __init__(self) -> None:
        """See nothing yet."""
        self._exact: dict[bytes, int] = {}
        self._sketches: dict[int, array[int]] = {}
        self._by_hash: dict[int, list[int]] = defaultdict(list)

    def see(self, line: int, example: Mapping[str, Any], text: str) -> tuple[Kind, int, float] | None:
        """Remember an example; return the line of the earlier one that it is like, and how much, where there is one."""
        digest = blake2b(_encode(example["messages"]), digest_size=16).digest()
        if (first := self._exact.setdefault(digest, line)) != line:
            return "duplicate", first, 1.0
        sketch = _sketch(text)
        if sketch is None:
            return None
        found = self._nearest(sketch)
        if len(self._sketches) < MOST:
            self._remember(line, sketch)
        return None if found is None else ("near_duplicate", *found)

    def _remember(self, line: int, sketch: Sequence[int]) -> None:
        self._sketches[line] = array("L", sketch)
        for number in sketch[:_LOOKED_UP]:
            if len(self._by_hash[number]) < _MOST_PER_HASH:
                self._by_hash[number].append(line)

    def _nearest(self, sketch: Sequence[int]) -> tuple[int, float] | None:
        candidates = {line for number in sketch[:_LOOKED_UP] for line in self._by_hash.get(number, ())}
        scored = [(likeness(sketch, self._sketches[line]), -line) for line in candidates]
        score, line = max(scored, default=(0.0, 0))
        return (-line, score) if score >= ALIKE else None


def likeness(one: Sequence[int], other: Sequence[int]) -> float:
    """Return about which share of their runs of words two sketches have in common."""
    both = heapq.nsmallest(_SKETCH, set(one) | set(other))
    return len(set(one) & set(other) & set(both)) / len(both)


def _sketch(text: str) -> list[int] | None:
    words = _word.findall(text.lower())
    if len(words) < _SHORTEST:
        return None
    runs = {zlib.crc32(" ".join(words[at : at + _RUN]).encode()) for at in range(len(words) - _RUN + 1)}
    return heapq.nsmallest(_SKETCH, runs)
