"""What users uploaded to be searched: documents, cut into passages."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Table

from wye.store.tables.schema import METADATA, NUMBERED, text, whole

documents: Final = Table(
    "documents",
    METADATA,
    text("id", primary_key=True),
    text("user_id"),
    text("title"),
    text("media_type"),
    text("digest"),
    whole("size"),
    whole("characters"),
    whole("passages"),
    whole("pages", optional=True),
    whole("created_at"),
    Index(None, "user_id", "digest", unique=True),
    Index(None, "user_id", "created_at"),
)
"""`size` is bytes of the file, of which the text alone is kept; `digest` its SHA-256, which a user has once."""

passages: Final = Table(
    "passages",
    METADATA,
    Column("number", NUMBERED, primary_key=True),
    text("document_id", ForeignKey("documents.id", ondelete="CASCADE")),
    text("user_id"),
    whole("position"),
    whole("page", optional=True),
    text("section", server_default=""),
    whole("start"),
    text("text"),
    text("terms"),
    Index(None, "document_id", "position", unique=True),
    Index(None, "user_id"),
)
"""`start` is the character of the document's text that a passage begins with; `terms` is for `wye.store.fulltext`."""
