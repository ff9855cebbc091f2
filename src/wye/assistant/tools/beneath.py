"""Opens files beneath one folder and nowhere else, whatever a path says and whoever renames things meanwhile.

A path is walked name by name, each opened relative to the folder before it and never through a link. What was opened is
what is used: there is no moment between looking at a name and using it in which it could come to mean something else.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from msgspec import Struct

from wye.assistant.tools.seam import ToolError

_PATH_AT_MOST: Final = 1024
_NAME_AT_MOST: Final = 255
_DEPTH_AT_MOST: Final = 32
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe, or a device, would otherwise be waited for when it is opened, before anybody can see what it is.
_FILE: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Entry(Struct, frozen=True):
    """What lies in a folder: `kind` is `file`, `folder`, or `other`, which cannot be opened; `size` is bytes."""

    name: str
    kind: str
    size: int | None = None


class Root:
    """One folder. All methods raise `ToolError`, which names the path as it was given and nothing of the machine."""

    def __init__(self, path: str) -> None:
        """Take the folder; it is opened with each call, so that it may come and go."""
        self._path = path

    def read(self, path: str, most: int) -> bytes:
        """Return a file's bytes; one of more than `most` is refused."""
        with self._parent(path) as (folder, name), _told(path):
            file = os.open(name, os.O_RDONLY | _FILE, dir_fd=folder)
            with os.fdopen(file, "rb") as opened:
                _check_regular(file, path)
                content = opened.read(most + 1)
        if len(content) > most:
            raise ToolError(f"{path!r} is longer than {most} bytes, which is all that may be read")
        return content

    def modified(self, path: str) -> float:
        """Return when a file was written last, seconds since the epoch."""
        with self._parent(path) as (folder, name), _told(path):
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(there.st_mode):
            raise ToolError(f"{path!r} is no ordinary file")
        return there.st_mtime

    def write(self, path: str, content: bytes, *, replace: bool) -> None:
        """Write a file whole, and folders on the way to it; one that is there is kept unless it is to be replaced."""
        with self._parent(path, make=True) as (folder, name), _told(path):
            if replace:
                _replace(folder, name, content, path)
            else:
                _create(folder, name, content)

    def entries(self, path: str, most: int) -> tuple[list[Entry], bool]:
        """Return at most `most` of a folder's entries by name, and whether there are more."""
        with self._folder(_names(path)) as folder, _told(path):
            found: list[Entry] = []
            with os.scandir(folder) as entries:
                for entry in entries:
                    if len(found) == most:
                        return sorted(found, key=_by_name), True
                    found.append(_entry(entry))
        return sorted(found, key=_by_name), False

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Give the folder that a path's last name lies in, and that name."""
        names = _names(path)
        if not names:
            raise ToolError(f"{path!r} is a folder")
        with self._folder(names[:-1], make=make) as folder:
            yield folder, names[-1]

    @contextmanager
    def _folder(self, names: list[str], *, make: bool = False) -> Iterator[int]:
        try:
            # The root itself may be a link: whoever wrote the settings meant where it leads.
            at = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            raise ToolError("the folder of this tool cannot be opened; its 'root' must be a folder") from None
        try:
            for name in names:
                with _told("/".join(names)):
                    if make:
                        with suppress(FileExistsError):
                            os.mkdir(name, 0o755, dir_fd=at)
                    inner = os.open(name, _FOLDER, dir_fd=at)
                os.close(at)
                at = inner
            yield at
        finally:
            os.close(at)


def _names(path: str) -> list[str]:
    """Take a path apart. What leads out of the folder is refused, never made to fit."""
    if len(path) > _PATH_AT_MOST:
        raise ToolError(f"the path is longer than {_PATH_AT_MOST} characters")
    if any(ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) < 0xE000 for letter in path):
        raise ToolError("the path holds a character that no file's name has here")
    if path.startswith(("/", "~", "\\")) or path[1:3] in {":\\", ":/"}:
        raise ToolError(
            f"{path[:80]!r} is not relative to this tool's folder; write notes/today.md, or . for all of it"
        )
    names = [name for name in path.split("/") if name not in {"", "."}]
    if ".." in names:
        raise ToolError(f"{path[:80]!r} leads upwards, which is not followed")
    if len(names) > _DEPTH_AT_MOST or any(len(name.encode()) > _NAME_AT_MOST for name in names):
        raise ToolError(f"a path has {_DEPTH_AT_MOST} names at most, of {_NAME_AT_MOST} bytes each")
    return names


_SAYS: Final = {
    errno.ENOENT: "there is no {path}",
    errno.ENOTDIR: "{path} leads through something that is no folder, or a link, which is not followed",
    errno.ELOOP: "{path} is a link, which is not followed",
    errno.EISDIR: "{path} is a folder",
    errno.EEXIST: "{path} is there already; say 'overwrite' if it is to be replaced",
    errno.EACCES: "{path} may not be opened",
    errno.EPERM: "{path} may not be changed",
    errno.EROFS: "{path} cannot be written: the folder is read-only",
    errno.ENOSPC: "{path} cannot be written: nothing more fits on the disk",
    errno.ENXIO: "{path} is no ordinary file",
    errno.EAGAIN: "{path} is no ordinary file",
}


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn what the system says into words that hold nothing of the machine."""
    try:
        yield
    except OSError as error:
        says = _SAYS.get(error.errno or 0, "{path} cannot be opened")
        raise ToolError(says.format(path=repr(path[:200]))) from None


def _check_regular(file: int, path: str) -> None:
    mode = os.fstat(file).st_mode
    if stat.S_ISDIR(mode):
        raise ToolError(f"{path!r} is a folder; use the action 'list'")
    if not stat.S_ISREG(mode):
        raise ToolError(f"{path!r} is no ordinary file")


def _create(folder: int, name: str, content: bytes) -> None:
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o644, dir_fd=folder)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
    except OSError:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise


def _replace(folder: int, name: str, content: bytes, path: str) -> None:
    """Write beside, then rename over: nobody reads half a file, and a link of that name is replaced, not followed."""
    with suppress(FileNotFoundError):
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(there.st_mode):
            raise ToolError(f"{path!r} is no ordinary file, and is not replaced")
    beside = f".{secrets.token_hex(8)}.tmp"
    _create(folder, beside, content)
    try:
        os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.unlink(beside, dir_fd=folder)
        raise


def _entry(entry: os.DirEntry[str]) -> Entry:
    name = os.fsencode(entry.name).decode(errors="replace")
    try:
        if entry.is_dir(follow_symlinks=False):
            return Entry(name, "folder")
        if entry.is_file(follow_symlinks=False):
            return Entry(name, "file", entry.stat(follow_symlinks=False).st_size)
    except OSError:
        pass  # gone meanwhile, or out of reach
    return Entry(name, "other")


def _by_name(entry: Entry) -> str:
    return entry.name
