"""What may be wrong with a line of a data set."""

from typing import Literal, TypeAlias

from msgspec import Struct

Severity: TypeAlias = Literal["error", "warning"]
Code: TypeAlias = Literal[
    "empty", "too_few_examples", "blank_line", "invalid_json", "no_object", "no_messages", "older_form",
    "unknown_member", "invalid_message", "unknown_role", "role_order", "nothing_to_learn", "empty_content",
    "invalid_content", "invalid_tools", "invalid_tool_call", "unknown_tool", "unanswered_tool_call",
    "stray_tool_result", "too_long", "duplicate", "near_duplicate",
]  # fmt: skip


class Problem(Struct, frozen=True, kw_only=True):
    """Something about one line, counted from 1, or about the whole where that is 0."""

    line: int
    severity: Severity
    code: Code
    message: str
