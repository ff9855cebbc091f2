"""One file of the journal: entries one after the other in a piece of memory that the system keeps on disk.

The file's whole length is taken from the disk when it is made, so that a full disk is an error then and no crash
later. An entry is its length, a checksum, its kind and its payload; the length is written last, and where none is
written the entries end. A process that is killed leaves what it wrote: the memory is the system's. Power that fails
may take the last seconds, or leave an entry whose checksum is wrong; reading stops before it.
"""

import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self, TypeAlias

_MAGIC: Final = b"WYEBOOK1"
START: Final = len(_MAGIC)
"""Where the first entry is."""
_LENGTH: Final = struct.Struct("<I")
_REST: Final = struct.Struct("<IB")
HEAD: Final = _LENGTH.size + _REST.size
"""Bytes of an entry beside its payload."""
Entry: TypeAlias = tuple[int, bytes, int]
"""Kind, payload, and where the entry after it begins."""

_write_length = _LENGTH.pack_into
_write_rest = _REST.pack_into
_crc = zlib.crc32


class Segment:
    """A file open for writing and reading, or for reading alone. `at` is where the next entry will be written."""

    __slots__ = ("_memory", "at", "number", "path", "size")

    def __init__(self, path: Path, memory: mmap.mmap) -> None:
        """Hold a file that is mapped already; see `create` and `open`."""
        self.path = path
        self.number = int(path.stem)
        self.size = len(memory)
        self.at = START
        self._memory = memory

    @classmethod
    def create(cls, folder: Path, number: int, size: int) -> Self:
        """Make a file of `size` bytes. Raises `OSError` where the disk has no room for it."""
        path = folder / f"{number:010d}.journal"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            memory = mmap.mmap(descriptor, size)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(descriptor)
        memory[:START] = _MAGIC
        return cls(path, memory)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file that is there, to read it. One that was never finished, or is none of a journal, has no entries.

        Raises `OSError`.
        """
        with path.open("rb") as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        segment = cls(path, memory)
        if memory[:START] != _MAGIC:
            segment.size = 0
        return segment

    def append(self, kind: int, payload: bytes) -> bool:
        """Write an entry; tell whether it still fitted."""
        at = self.at
        end = at + HEAD + len(payload)
        if end > self.size:
            return False
        memory = self._memory
        _write_rest(memory, at + 4, _crc(payload, kind), kind)
        memory[at + HEAD : end] = payload
        _write_length(memory, at, len(payload))
        self.at = end
        return True

    def entries(self, at: int = START) -> Iterator[Entry]:
        """Yield what is written from `at` on, as far as it is whole."""
        memory, size = self._memory, self.size
        while at + HEAD <= size:
            (length,) = _LENGTH.unpack_from(memory, at)
            end = at + HEAD + length
            if not length or end > size:
                return
            crc, kind = _REST.unpack_from(memory, at + 4)
            payload = memory[at + HEAD : end]
            if _crc(payload, kind) != crc:
                return
            yield kind, payload, end
            at = end

    def close(self) -> None:
        """Let go of the memory; the file stays."""
        self._memory.close()


def segments_of(folder: Path) -> list[Path]:
    """Return the files of a journal, oldest first."""
    return sorted(path for path in folder.glob("*.journal") if path.stem.isdigit())
