"""What was said: answers of the Responses API that a caller goes on from, and conversations."""

from typing import Final

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, SmallInteger, Table
from sqlalchemy import text as sql

from wye.store.tables.schema import METADATA, NUMBERED, document, flag, text, whole

responses: Final = Table(
    "responses",
    METADATA,
    text("user_id", primary_key=True),
    text("id", primary_key=True),
    text("provider"),
    text("previous_id", optional=True),
    flag("native"),
    Column("body", LargeBinary, nullable=False),
    Column("owed", LargeBinary),
    whole("created_at"),
    whole("used_at"),
    Index(None, "used_at"),
)
"""A `wye.state.responses.KeptResponse`; `used_at` is when it was last asked for or gone on from."""

response_items: Final = Table(
    "response_items",
    METADATA,
    text("user_id", primary_key=True),
    text("response_id", primary_key=True),
    text("kind", primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    text("item_id", server_default=""),
    Column("body", LargeBinary, nullable=False),
    ForeignKeyConstraint(["user_id", "response_id"], ["responses.user_id", "responses.id"], ondelete="CASCADE"),
    Index(
        "ix_response_items_item_id",
        "user_id",
        "item_id",
        postgresql_where=sql("item_id <> ''"),
        sqlite_where=sql("item_id <> ''"),
    ),
)
"""The items of a response in order: `kind` is given or said."""

conversations: Final = Table(
    "conversations",
    METADATA,
    Column("number", NUMBERED, primary_key=True, autoincrement=True),
    text("id", unique=True),
    text("user_id"),
    text("title", server_default=""),
    text("title_source", server_default=""),
    text("terms", server_default=""),
    text("model", optional=True),
    text("provider", optional=True),
    text("agent", optional=True),
    text("head_id", optional=True),
    document("tags"),
    document("metadata"),
    whole("created_at"),
    whole("updated_at"),
    whole("archived_at", optional=True),
    Index(None, "user_id", "updated_at"),
)
"""`title_source` is who gave the title: words (the first ones said), model, user, or nobody yet. `head_id` is the last
message of the branch that is gone on from. `number` and `terms` are for `wye.store.fulltext`, which knows the title."""

messages: Final = Table(
    "messages",
    METADATA,
    Column("number", NUMBERED, primary_key=True, autoincrement=True),
    text("id", unique=True),
    text("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE")),
    text("user_id"),
    text("parent_id", optional=True),
    text("role"),
    text("text", server_default=""),
    text("terms", server_default=""),
    document("content"),
    text("provider", optional=True),
    text("model", optional=True),
    text("usage_id", optional=True),
    document("account"),
    whole("created_at"),
    Index(None, "conversation_id", "number"),
)
"""Messages of a conversation, a tree by `parent_id`: those with one parent are branches of each other. `text` is
searched (by `terms`), `content` the rest of what was said, `account` what an answer took; `usage_id` is its record."""

attachments: Final = Table(
    "attachments",
    METADATA,
    text("id", primary_key=True),
    text("message_id", ForeignKey("messages.id", ondelete="CASCADE")),
    text("user_id"),
    text("name"),
    text("media_type"),
    whole("size"),
    Column("body", LargeBinary, nullable=False),
    whole("created_at"),
    Index(None, "message_id"),
)
"""Pictures, PDFs and texts that were sent along with a message."""
