"""Where the workers of one gateway lay down what each has counted, so that any of them can tell of all.

A worker that was replaced leaves its file behind: sums that only grow must not shrink.
"""

import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from wye.telemetry.meters import ModelSums, added

_ENDING: Final = ".sums"


class Sums(Struct, kw_only=True):
    """What one process counted: of models, how often the cache said what, and what refused requests."""

    models: list[ModelSums] = []
    cache: dict[str, int] = {}
    refusals: dict[str, int] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Sums).decode


class Shelf:
    """One worker's view of a folder that all of them share."""

    def __init__(self, folder: Path) -> None:
        """Use a folder that is there."""
        self._folder = folder
        self._mine = folder / f"{os.getpid()}-{secrets.token_hex(4)}{_ENDING}"
        self._written = b""

    def lay(self, sums: Sums) -> None:
        """Lay down what this process counted, where that has changed; whoever reads sees all of it or what was."""
        told = _encode(sums)
        if told == self._written:
            return
        draft = self._mine.with_suffix(".draft")
        with suppress(OSError):  # the others tell of this one a little less than there is, that is all
            draft.write_bytes(told)
            draft.replace(self._mine)
            self._written = told

    def others(self) -> list[Sums]:
        """Return what the other processes laid down."""
        found: list[Sums] = []
        for file in sorted(self._folder.glob(f"*{_ENDING}")):
            if file != self._mine:
                with suppress(OSError, msgspec.DecodeError):
                    found.append(_decode(file.read_bytes()))
        return found


def together(parts: Sequence[Sums]) -> Sums:
    """Add up what several processes counted."""
    models: dict[tuple[str, str], ModelSums] = {}
    cache: dict[str, int] = {}
    refusals: dict[str, int] = {}
    for one in parts:
        for sums in one.models:
            key = sums.provider, sums.model
            models[key] = added(models[key], sums) if key in models else sums
        _add(cache, one.cache.items())
        _add(refusals, one.refusals.items())
    return Sums(models=list(models.values()), cache=cache, refusals=refusals)


def _add(to: dict[str, int], counts: Iterable[tuple[str, int]]) -> None:
    for name, count in counts:
        to[name] = to.get(name, 0) + count
