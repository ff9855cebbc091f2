"""What the house keeps for itself: who changed what, runtime settings, and what replicas tell each other."""

from typing import Final

from sqlalchemy import Column, Index, Table

from wye.store.tables.schema import METADATA, NUMBERED, document, text, whole

audit_log: Final = Table(
    "audit_log",
    METADATA,
    Column("id", NUMBERED, primary_key=True, autoincrement=True),
    whole("at"),
    text("user_id"),
    text("key_id", optional=True),
    text("action"),
    text("target"),
    text("target_id", server_default=""),
    document("before"),
    document("after"),
    text("request_id", optional=True),
    Index(None, "target", "target_id", "id"),
    Index(None, "user_id", "id"),
)
"""Who (`user_id`, with `key_id`) did what (`action`) to what (`target` is key, budget …): rows are only ever added."""

settings: Final = Table(
    "settings",
    METADATA,
    text("key", primary_key=True),
    document("value"),
    whole("version"),
    whole("updated_at"),
    text("updated_by"),
)
"""Runtime settings by their dotted path; `version` grows with each change of the value."""

changes: Final = Table(
    "changes",
    METADATA,
    text("topic", primary_key=True),
    whole("version"),
)
"""A counter per topic that grows in the transaction of each change, for other processes to see that there is one."""

chores: Final = Table(
    "chores",
    METADATA,
    text("name", primary_key=True),
    text("holder"),
    whole("held_until"),
    whole("done_at"),
)
"""Work that one process at a time does for all: who does it now, until when at most, and when it was last done."""
