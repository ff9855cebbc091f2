"""No path, link, rename or device leads the filesystem tool out of its folder, or makes it wait."""

import ctypes
import os
import threading
from pathlib import Path

import pytest

from wye.assistant.tools.beneath import Root
from wye.assistant.tools.box import build
from wye.assistant.tools.seam import ToolContext, ToolError
from wye.catalog import load
from wye.config import Settings
from wye.config.tools import FilesystemSettings, ToolsConfig
from wye.core.caller import LOCAL
from wye.engine import Engine

OPENED = Path("/proc/self/fd")
RENAME = ctypes.CDLL(None).renameat2
AT_CWD, EXCHANGE = -100, 2
SECRET = "canary-of-the-machine"
ESCAPES = [
    "../secret.txt",
    "..",
    "a/../../secret.txt",
    "a/b/../../../secret.txt",
    "./../secret.txt",
    "a/..",
    "//secret.txt",
    "/etc/passwd",
    "/proc/self/root/etc/passwd",
    "/proc/self/environ",
    "~/secret.txt",
    "~root/.ssh/id_rsa",
    "\\\\server\\share",
    "C:\\secret.txt",
    "C:/secret.txt",
    "link/secret.txt",
    "link",
    "file-link",
    "a/link/secret.txt",
    "a/up/../../secret.txt",
    "proc/self/environ",
    "\0",
    "a\0.txt",
    "secret.txt\0.md",
    "a\n",
    "x" * 256,
    "ü" * 128,
    "x/" * 33 + "x",
    "x" * 5000,
    "\ud800",
    "..\x00/",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that has links out of it, beside what nobody may read."""
    (tmp_path / "secret.txt").write_text(SECRET)
    inside = tmp_path / "inside"
    (inside / "a" / "b").mkdir(parents=True)
    (inside / "link").symlink_to(tmp_path)
    (inside / "file-link").symlink_to(tmp_path / "secret.txt")
    (inside / "a" / "link").symlink_to("../..")
    (inside / "a" / "up").symlink_to("..")
    (inside / "proc").symlink_to("/proc")
    return inside


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_out(folder: Path, path: str) -> None:
    root = Root(str(folder))
    before = sorted(str(one) for one in folder.parent.rglob("*"))
    for attempt in (
        lambda: root.read(path, 10_000),
        lambda: root.entries(path, 100),
        lambda: root.write(path, b"mine", replace=False),
    ):
        with pytest.raises(ToolError) as raised:
            attempt()
        assert SECRET not in raised.value.message
        assert str(folder.parent) not in raised.value.message
    assert (folder.parent / "secret.txt").read_text() == SECRET
    assert sorted(str(one) for one in folder.parent.rglob("*")) == before


@pytest.mark.parametrize("path", ["link", "file-link", "a/link", "proc"])
def test_a_link_is_neither_written_through_nor_replaced(folder: Path, path: str) -> None:
    with pytest.raises(ToolError):
        Root(str(folder)).write(path, b"mine", replace=True)
    assert (folder / path).is_symlink()
    assert (folder.parent / "secret.txt").read_text() == SECRET


def test_a_link_is_listed_as_what_cannot_be_opened(folder: Path) -> None:
    entries, _ = Root(str(folder)).entries(".", 100)
    assert {entry.name: entry.kind for entry in entries} == {
        "a": "folder",
        "file-link": "other",
        "link": "other",
        "proc": "other",
    }


def test_a_folder_that_turns_into_a_link_and_back_never_leads_out(folder: Path) -> None:
    """Somebody swaps the two as fast as possible; whoever looks first and opens afterwards is led out at times."""
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "file.txt").write_text(SECRET)
    (folder / "at").mkdir()
    (folder / "at" / "file.txt").write_text("inside")
    (folder / "fake").symlink_to(outside)
    done = threading.Event()
    one, other = str(folder / "at").encode(), str(folder / "fake").encode()

    def swap() -> None:
        while not done.is_set():
            assert RENAME(AT_CWD, one, AT_CWD, other, EXCHANGE) == 0

    swapping = threading.Thread(target=swap)
    swapping.start()
    root, seen = Root(str(folder)), set()
    try:
        for attempt in range(3000):
            try:
                seen.add(root.read("at/file.txt", 100))
                root.write(f"at/{attempt}.txt", b"mine", replace=False)
            except ToolError:
                continue
    finally:
        done.set()
        swapping.join()
    assert seen == {b"inside"}
    assert [one.name for one in outside.iterdir()] == ["file.txt"]


def test_a_pipe_and_a_device_are_refused_without_waiting(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    root = Root(str(folder))
    with pytest.raises(ToolError, match="no ordinary file"):
        root.read("pipe", 100)
    with pytest.raises(ToolError, match="no ordinary file"):
        root.write("pipe", b"x", replace=True)
    with pytest.raises(ToolError, match="no ordinary file"):
        Root("/dev").read("zero", 100)


def test_no_opened_file_is_left_behind(folder: Path) -> None:
    root = Root(str(folder))
    open_before = len(list(OPENED.iterdir()))
    for path in ESCAPES:
        for attempt in (lambda one: root.read(one, 10), lambda one: root.write(one, b"", replace=True)):
            with pytest.raises(ToolError):
                attempt(path)
    assert len(list(OPENED.iterdir())) == open_before


async def test_nothing_is_reached_unless_somebody_switched_it_on(folder: Path) -> None:
    (folder / "open.txt").write_text("hello")
    context = ToolContext(caller=LOCAL)
    off = Engine(Settings(tools=ToolsConfig(filesystem=FilesystemSettings(root=str(folder)))), load())
    output = await build(off).call("filesystem", '{"action": "read", "path": "open.txt"}', context)
    assert output.text == "error: filesystem is switched off; set 'enabled = true' in [tools.filesystem]"
    rootless = Engine(Settings(tools=ToolsConfig(filesystem=FilesystemSettings(enabled=True))), load())
    output = await build(rootless).call("filesystem", '{"action": "list"}', context)
    assert output.text == "error: filesystem has no folder; set 'root' in [tools.filesystem]"
    on = Engine(Settings(tools=ToolsConfig(filesystem=FilesystemSettings(enabled=True, root=str(folder)))), load())
    output = await build(on).call("filesystem", '{"action": "read", "path": "open.txt"}', context)
    assert not output.is_error
