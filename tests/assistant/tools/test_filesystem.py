"""Files are read in pieces, listed and written beneath one folder, as its settings and the caller's scopes allow."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from wye.assistant.tools.filesystem import Filesystem
from wye.assistant.tools.seam import ToolContext, ToolError, ToolLimits
from wye.config.tools import FilesystemSettings
from wye.core.caller import LOCAL

CONTEXT = ToolContext(caller=LOCAL)
READER = structs.replace(LOCAL, scopes=frozenset({"use", "read"}))


class Asked:
    """Asks the tool."""

    def __init__(self, folder: Path, context: ToolContext = CONTEXT, **settings: Any) -> None:
        self.folder = folder
        self._context = context
        self._tool = Filesystem(FilesystemSettings(enabled=True, root=str(folder), **settings))

    async def __call__(self, action: str, path: str = ".", **more: Any) -> Any:
        output = await self._tool.call({"action": action, "path": path, **more}, self._context)
        return msgspec.json.decode(output.text)


async def test_a_file_that_was_written_is_read_and_listed(tmp_path: Path) -> None:
    ask = Asked(tmp_path)
    assert await ask("write", "notes/today.md", content="Grüße\n") == {
        "path": "notes/today.md",
        "bytes": 8,
        "written": True,
    }
    assert await ask("read", "./notes//today.md") == {"path": "./notes//today.md", "text": "Grüße\n", "characters": 6}
    assert await ask("list") == {
        "path": ".",
        "entries": [{"name": "notes", "kind": "folder", "size": None}],
        "more": False,
    }
    assert (await ask("list", "notes/"))["entries"] == [{"name": "today.md", "kind": "file", "size": 8}]


async def test_a_long_file_is_read_in_pieces_that_fit(tmp_path: Path) -> None:
    text = '"line"\n' * 1000
    (tmp_path / "long.txt").write_text(text)
    ask = Asked(tmp_path, structs.replace(CONTEXT, limits=ToolLimits(output=2000)))
    whole, at = "", 0
    while True:
        piece = await ask("read", "long.txt", offset=at)
        assert len(msgspec.json.encode(piece)) <= 2000
        whole += piece["text"]
        if "next_offset" not in piece:
            break
        at = piece["next_offset"]
    assert whole == text


async def test_a_file_is_replaced_only_where_that_is_said(tmp_path: Path) -> None:
    ask = Asked(tmp_path)
    await ask("write", "one.txt", content="first")
    with pytest.raises(ToolError, match="say 'overwrite'"):
        await ask("write", "one.txt", content="second")
    assert (tmp_path / "one.txt").read_text() == "first"
    await ask("write", "one.txt", content="second", overwrite=True)
    assert (tmp_path / "one.txt").read_text() == "second"
    assert [entry["name"] for entry in (await ask("list"))["entries"]] == ["one.txt"]


async def test_who_may_not_manage_reads_and_does_not_write(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("one")
    ask = Asked(tmp_path, structs.replace(CONTEXT, caller=READER))
    assert (await ask("read", "one.txt"))["text"] == "one"
    with pytest.raises(ToolError, match="scope 'manage'"):
        await ask("write", "two.txt", content="two")
    assert not (tmp_path / "two.txt").exists()


async def test_sizes_are_bounded_both_ways(tmp_path: Path) -> None:
    ask = Asked(tmp_path, max_read_bytes=10, max_write_bytes=10, max_entries=3)
    (tmp_path / "long.txt").write_text("x" * 11)
    with pytest.raises(ToolError, match="longer than 10 bytes"):
        await ask("read", "long.txt")
    with pytest.raises(ToolError, match="longer than 10 bytes"):
        await ask("write", "new.txt", content="ü" * 6)
    for name in "abc":
        (tmp_path / name).touch()
    listed = await ask("list")
    assert (len(listed["entries"]), listed["more"]) == (3, True)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0", b"text\0", b"\xff\xfeh\0i\0", b"caf\xe9"])
async def test_what_is_no_text_is_not_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ToolError, match="no text in UTF-8"):
        await Asked(tmp_path)("read", "file")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"action": "read", "path": "gone.txt"}, "there is no 'gone.txt'"),
        ({"action": "read", "path": "folder"}, "is a folder"),
        ({"action": "read"}, "is a folder"),
        ({"action": "list", "path": "one.txt"}, "no folder"),
        ({"action": "read", "path": "one.txt/inner"}, "no folder"),
        ({"action": "read", "path": "one.txt", "offset": 9}, "has 3 characters"),
        ({"action": "write", "path": "new.txt"}, "in 'content'"),
        ({"action": "write", "path": "folder", "content": "x", "overwrite": True}, "no ordinary file"),
        ({"action": "write", "path": "new.txt", "content": "\ud800"}, "half a character"),
        ({"action": "delete", "path": "one.txt"}, "do not fit"),
    ],
)
async def test_what_cannot_be_done_says_why(tmp_path: Path, arguments: dict[str, Any], says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "one.txt").write_text("one")
    with pytest.raises(ToolError) as raised:
        await Asked(tmp_path)(**arguments)
    assert says in raised.value.message
    assert str(tmp_path) not in raised.value.message


async def test_a_folder_that_is_not_there_says_which_setting_to_mend(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="its 'root' must be a folder"):
        await Asked(tmp_path / "gone")("list")
