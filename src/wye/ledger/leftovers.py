"""What dead processes left behind: their journals are taken over and brought to the database like one's own.

What was let in and is not over in a dead process's journal is lost: nobody will ever know what it cost. It is booked
as that, with what was held for it.
"""

import os
from collections.abc import Collection
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

from wye.core.record import UsageRecord
from wye.ledger.batch import Batch
from wye.ledger.journal import ADMITTED, SETTLED, decode, lock, read_cursor, remove, write_cursor
from wye.ledger.segment import START, Segment, segments_of


class Leftovers:
    """A dead process's journal, locked for this one; read like `Journal`."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        """Take over a folder that is locked already; see `take`."""
        self.folder = folder
        self._lock = descriptor
        self._until = read_cursor(folder)
        self._lost: list[UsageRecord] | None = None
        self._told = 0

    @classmethod
    def take(cls, folder: Path) -> Self | None:
        """Take over a folder, or return `None` where its process lives or another one was quicker."""
        try:
            descriptor = lock(folder)
        except OSError:
            return None
        return cls(folder, descriptor)

    def read(self, most: int) -> Batch:
        """Return up to `most` records after the last batch that was `done` with; none are left once one is empty."""
        if self._lost is None:
            records: list[UsageRecord] = []
            number, at = self._until
            for path in segments_of(self.folder):
                if int(path.stem) < number:
                    continue
                at = at if int(path.stem) == number else START
                number = int(path.stem)
                for kind, payload, end in _entries(path, at):
                    at = end
                    if kind == SETTLED:
                        records.append(decode(payload))
                    if len(records) >= most:
                        return Batch(records, (number, at))
            if records:
                return Batch(records, (number, at))
            self._lost = self._find_lost()
        return Batch(self._lost[self._told : self._told + most], self._until)

    def done(self, batch: Batch) -> None:
        """Go on after this batch."""
        if self._lost is not None:
            self._told += len(batch.records)
            return
        self._until = batch.until
        with suppress(OSError):  # what is read again is in the database already, which does no harm
            write_cursor(self.folder, batch.until)

    def remove(self) -> None:
        """Take the folder away, once everything in it was brought to the database."""
        remove(self.folder)
        self.close()

    def close(self) -> None:
        """Leave the folder to whoever takes it next."""
        os.close(self._lock)

    def _find_lost(self) -> list[UsageRecord]:
        """Return what was let in and is not over, in order."""
        waiting: dict[str, UsageRecord] = {}
        for path in segments_of(self.folder):
            for kind, payload, _ in _entries(path, START):
                record = decode(payload)
                if kind == ADMITTED:
                    waiting[record.id] = record
                elif kind == SETTLED:
                    waiting.pop(record.id, None)
        return list(waiting.values())


def _entries(path: Path, at: int) -> list[tuple[int, bytes, int]]:
    try:
        segment = Segment.open(path)
    except (OSError, ValueError):  # gone, or without a byte
        return []
    with closing(segment):
        return list(segment.entries(at))


def find(root: Path, known: Collection[Path] = ()) -> list[Leftovers]:
    """Take over every journal under `root` whose process is dead, but for those that are `known`."""
    if not root.is_dir():
        return []
    folders = [path for path in sorted(root.iterdir()) if path not in known and path.is_dir()]
    return [found for folder in folders if (found := Leftovers.take(folder)) is not None]


def size_of(root: Path, own: Path | None = None) -> int:
    """Return the bytes that journals under `root` take, but for one's own."""
    total = 0
    with suppress(OSError):
        for folder in root.iterdir():
            if folder != own and folder.is_dir():
                total += sum(path.stat().st_size for path in folder.glob("*.journal"))
    return total
