"""Anthropic's tools that the client runs, as functions that any model can be told of.

Claude has learned their inputs; others are told them here, so that a client which offers such a tool is called in the
way it expects. Sources: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/bash-tool, /text-editor-tool and
/memory-tool.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_LINES: Final[dict[str, Any]] = {"type": "array", "items": {"type": "integer"}}
_LINE: Final[dict[str, Any]] = {"type": "integer"}


class ClientTool(Struct, frozen=True):
    """What a model is told of a tool."""

    description: str
    parameters: Raw


def _tool(description: str, required: list[str], **members: dict[str, Any]) -> ClientTool:
    schema = {"type": "object", "properties": members, "required": required}
    return ClientTool(description, Raw(msgspec.json.encode(schema)))


_TOOLS: Final = {
    "bash": _tool(
        "Runs a command in a shell that lasts for the whole conversation. 'restart' begins a new shell.",
        [],
        command=_TEXT,
        restart={"type": "boolean"},
    ),
    "text_editor": _tool(
        "Views and changes files. 'view' shows a file ('view_range': first and last line) or a directory; 'create' "
        "writes 'file_text'; 'str_replace' puts 'new_str' in the place of 'old_str', which must be there once; "
        "'insert' puts 'insert_text' behind line 'insert_line'.",
        ["command", "path"],
        command={"type": "string", "enum": ["view", "create", "str_replace", "insert"]},
        path=_TEXT,
        view_range=_LINES,
        file_text=_TEXT,
        old_str=_TEXT,
        new_str=_TEXT,
        insert_line=_LINE,
        insert_text=_TEXT,
    ),
    "memory": _tool(
        "Keeps notes in files under /memories from one conversation to the next. 'view' shows a file or the directory; "
        "'create' writes 'file_text'; 'str_replace' puts 'new_str' in the place of 'old_str'; 'insert' puts "
        "'insert_text' behind line 'insert_line'; 'delete' removes 'path'; 'rename' moves 'old_path' to 'new_path'. "
        "Look there before you begin.",
        ["command"],
        command={"type": "string", "enum": ["view", "create", "str_replace", "insert", "delete", "rename"]},
        path=_TEXT,
        view_range=_LINES,
        file_text=_TEXT,
        old_str=_TEXT,
        new_str=_TEXT,
        insert_line=_LINE,
        insert_text=_TEXT,
        old_path=_TEXT,
        new_path=_TEXT,
    ),
}


def client_tool(kind: str) -> ClientTool | None:
    """Return the tool of a type such as `bash_20250124`, `None` where the client does not run it."""
    name, _, version = kind.rpartition("_")
    return _TOOLS.get(name) if version.isdigit() else None
