"""The journal of one process: queue, spool and crash record of its books in one.

It is a folder of its own with files of a fixed size (`wye.ledger.segment`), locked for as long as the process lives.
A request that is let in is an entry, and what became of it another. A writer reads the second kind in order, brings it
to the database, and says how far it came (`Batch`); files it is done with go. While the database is away they stay, up
to a limit, and no memory is used for them. Nothing here waits, and all of it belongs to one thread.

Each request that is let in has room reserved for what will be written of its end, so that a limit or a full disk
refuses requests at the door and never loses the end of one that was let in.
"""

import fcntl
import os
import secrets
import struct
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from msgspec import structs
from msgspec.msgpack import Decoder, Encoder

from wye.core.errors import BooksUnavailableError, ConfigurationError
from wye.core.record import UsageRecord
from wye.ledger.batch import Batch
from wye.ledger.segment import HEAD, START, Segment, segments_of

ADMITTED: Final = 1
SETTLED: Final = 2
RESERVED: Final = 4096
"""Bytes set aside for the end of each request that was let in; a longer record is written without its attempts."""
SEGMENT_BYTES: Final = 4 * 1024 * 1024
_RETRY_SECONDS: Final = 0.25
_RETRY_AFTER: Final = 5.0
_CURSOR: Final = struct.Struct("<QQ")
_LOCK: Final = "lock"
_CURSOR_FILE: Final = "cursor"

_encode = Encoder().encode
decode = Decoder(UsageRecord).decode


class Journal:
    """One process's own journal. `settled_waiting` counts the ends that no writer has read yet."""

    def __init__(
        self,
        root: Path,
        *,
        limit: int,
        segment_bytes: int = SEGMENT_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep a journal of at most `limit` bytes in a folder of its own under `root`; see `open`."""
        self.root = root
        self.folder = root / f"{int(time.time())}-{os.getpid()}-{secrets.token_hex(4)}"
        self.settled_waiting = 0
        self.elsewhere = 0
        """Bytes under `root` that other processes' journals take, as far as is known."""
        self._limit = limit
        self._size = max(64 * 1024, min(segment_bytes, limit // 8))
        self._clock = clock
        self._again_at = 0.0
        self._open: dict[str, int] = {}
        self._files: list[Path] = []  # those that are full, oldest first
        self._writing: list[Segment] = []  # the one in use, and those that are ready
        self._room = 0
        self._numbers = 0
        self.for_power = False
        """Whether somebody asks what is `unsafe`."""
        self._full: list[Path] = []
        self._new = True
        self._until = (0, START)
        self._lock = -1
        self._cursor = -1
        self._why = ""

    def open(self) -> None:
        """Make the folder, with room for the first requests. Raises `ConfigurationError` where that cannot be."""
        hidden = self.root / f".{self.folder.name}"
        try:
            hidden.mkdir(parents=True)
            self._lock = lock(hidden)
            self._cursor = os.open(hidden / _CURSOR_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            hidden.rename(self.folder)  # nobody can take a folder for a dead process's before it is locked
            self._extend()
            self._extend()
        except OSError as error:
            message = f"the journal of the books cannot be kept in {self.root}: {error.strerror}; see [store] spool"
            raise ConfigurationError(message, param="store.spool") from None
        self._until = (self._writing[0].number, START)

    @property
    def open_requests(self) -> int:
        """How many requests were let in and are not over."""
        return len(self._open)

    def unsafe(self) -> list[Path]:
        """Return the files that may not be on the disk as they are, and their folder where one of them is new to it."""
        paths, self._full = [*self._full, self._writing[0].path], []
        if self._new:
            paths, self._new = [*paths, self.folder], False
        return list(dict.fromkeys(paths))

    def still_unsafe(self, paths: list[Path]) -> None:
        """Take back what was `unsafe` and could not be brought to the disk."""
        self._full = [*paths, *self._full]

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._size * (len(self._files) + len(self._writing))

    def check(self) -> None:
        """Raise `BooksUnavailableError` where no further request can be let in."""
        if self._room < (len(self._open) + 2) * RESERVED:
            self._make_room((len(self._open) + 2) * RESERVED)

    def admitted(self, record: UsageRecord) -> None:
        """Write down that a request was let in; raise `BooksUnavailableError` where it cannot be."""
        self.check()
        self._append(ADMITTED, _encode(record))
        self._open[record.id] = self._writing[0].number

    def settled(self, record: UsageRecord) -> None:
        """Write down what became of a request that was let in."""
        payload = _encode(record)
        if len(payload) > RESERVED - HEAD:
            payload = _encode(structs.replace(record, attempts=()))
        self._append(SETTLED, payload)
        self._open.pop(record.id, None)
        self.settled_waiting += 1

    def prepare(self) -> None:
        """Have the next file ready before it is needed; to be called now and then."""
        if len(self._writing) < 2:
            with suppress(OSError, BooksUnavailableError):
                self._make_room(self._room + self._size // 2)

    def read(self, most: int) -> Batch:
        """Return up to `most` records after the last batch that was `done` with; reading changes nothing."""
        records: list[UsageRecord] = []
        number, at = self._until
        for path in [path for path in self._files if int(path.stem) >= number]:
            with closing(Segment.open(path)) as segment:
                at = _collect(segment, at if segment.number == number else START, records, most)
                number = segment.number
            if len(records) >= most:
                return Batch(records, (number, at))
        current = self._writing[0]
        at = _collect(current, at if current.number == number else START, records, most)
        return Batch(records, (current.number, at))

    def done(self, batch: Batch) -> None:
        """Go on after this batch; files that hold nothing more go."""
        self._until = batch.until
        self.settled_waiting -= len(batch.records)
        os.pwrite(self._cursor, _CURSOR.pack(*batch.until), 0)
        while self._files and int(self._files[0].stem) < batch.until[0]:
            self._carry_over(self._files[0])
            self._files.pop(0).unlink()

    def close(self) -> None:
        """Let go of the folder; it goes itself where everything in it was brought to the database."""
        empty = not self._open and not self.settled_waiting
        for segment in self._writing:
            segment.close()
        if empty:
            remove(self.folder)
        for descriptor in (self._cursor, self._lock):
            os.close(descriptor)

    def _append(self, kind: int, payload: bytes) -> None:
        before = self._writing[0].at
        if not self._writing[0].append(kind, payload):
            full = self._writing.pop(0)
            self._room -= max(0, full.size - full.at - RESERVED)
            full.close()
            self._files.append(full.path)
            if self.for_power:
                self._full.append(full.path)
            if not self._writing:
                self._extend()
            before = self._writing[0].at
            self._writing[0].append(kind, payload)
        used = self._writing[0]
        self._room -= max(0, used.size - before - RESERVED) - max(0, used.size - used.at - RESERVED)

    def _make_room(self, needed: int) -> None:
        if self._clock() < self._again_at:
            raise BooksUnavailableError(self._why, retry_after=_RETRY_AFTER)
        try:
            while self._room < needed:
                if self.size + self.elsewhere + self._size > self._limit:
                    self._refuse("usage that the database has not taken yet fills [store] spool_limit")
                self._extend()
        except OSError as error:
            self._refuse(f"usage cannot be written down: {error.strerror}")

    def _refuse(self, why: str) -> None:
        self._why = f"{why}; nothing is let in until there is room"
        self._again_at = self._clock() + _RETRY_SECONDS
        raise BooksUnavailableError(self._why, retry_after=_RETRY_AFTER)

    def _extend(self) -> None:
        segment = Segment.create(self.folder, self._numbers + 1, self._size)
        self._numbers += 1
        self._new = True
        self._writing.append(segment)
        self._room += segment.size - segment.at - RESERVED

    def _carry_over(self, path: Path) -> None:
        """Write the requests that a file let in and that are not over once more, so that the file may go."""
        number = int(path.stem)
        left = {name for name, place in self._open.items() if place == number}
        if not left:
            return
        with closing(Segment.open(path)) as segment:
            for kind, payload, _ in segment.entries():
                if kind == ADMITTED and (name := decode(payload).id) in left:
                    self._append(ADMITTED, payload)
                    self._open[name] = self._writing[0].number


def _collect(segment: Segment, at: int, records: list[UsageRecord], most: int) -> int:
    """Add the records of a file that are over, from `at` on, until there are `most`; return how far that went."""
    for kind, payload, end in segment.entries(at):
        at = end
        if kind == SETTLED:
            records.append(decode(payload))
            if len(records) >= most:
                break
    return at


def lock(folder: Path) -> int:
    """Take a journal's folder for this process; raise `BlockingIOError` where another one has it."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_cursor(folder: Path) -> tuple[int, int]:
    """Return how far a journal was brought to the database; the beginning, where that cannot be told."""
    try:
        number, at = _CURSOR.unpack((folder / _CURSOR_FILE).read_bytes())
    except (OSError, struct.error):
        return (0, START)
    return number, at


def write_cursor(folder: Path, until: tuple[int, int]) -> None:
    """Remember how far a dead process's journal was brought to the database."""
    (folder / _CURSOR_FILE).write_bytes(_CURSOR.pack(*until))


def remove(folder: Path) -> None:
    """Take a journal's folder away; the lock goes last, so that nobody else begins with what is left."""
    for path in (*segments_of(folder), folder / _CURSOR_FILE, folder / _LOCK):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
