"""Batches: the files that users hand in, the batches made of them, and each batch's lines with what was answered."""

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table
from sqlalchemy import text as sql

from wye.store.tables.schema import METADATA, count, document, flag, text, whole

files: Final = Table(
    "files",
    METADATA,
    text("id", primary_key=True),
    text("user_id"),
    text("filename"),
    text("purpose"),
    whole("size"),
    text("batch_id", optional=True),
    flag("whole"),
    whole("created_at"),
    whole("expires_at", optional=True),
    Index(None, "user_id", "created_at"),
    Index(None, "created_at"),
)
"""`purpose` is batch or batch_output; what a batch put out is read from its lines, and has no parts. A file is `whole`
once all of it has arrived: nobody sees it before."""

file_parts: Final = Table(
    "file_parts",
    METADATA,
    text("file_id", ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)
"""The bytes of a file, in pieces that nobody has to hold more of than one at a time."""

batches: Final = Table(
    "batches",
    METADATA,
    text("id", primary_key=True),
    text("user_id"),
    text("key_id", optional=True),
    text("endpoint"),
    text("input_file_id"),
    text("status"),
    text("model", optional=True),
    document("metadata"),
    document("errors"),
    text("output_file_id", optional=True),
    text("error_file_id", optional=True),
    count("total"),
    count("completed"),
    count("failed"),
    count("input_tokens"),
    count("output_tokens"),
    count("cache_read_tokens"),
    count("reasoning_tokens"),
    count("cost"),
    count("unknown_costs"),
    whole("created_at"),
    whole("expires_at"),
    whole("in_progress_at", optional=True),
    whole("finalizing_at", optional=True),
    whole("cancelling_at", optional=True),
    whole("ended_at", optional=True),
    text("waits_for", optional=True),
    text("holder", optional=True),
    count("held_until"),
    Index(None, "user_id", "created_at"),
    Index(
        "ix_batches_open",
        "held_until",
        postgresql_where=sql("ended_at IS NULL"),
        sqlite_where=sql("ended_at IS NULL"),
    ),
)
"""`status` is OpenAI's word. `cost` is the picodollars of the lines that ended, without `unknown_costs` of them.
`waits_for` says what keeps a batch waiting, where something does. One process at a time works on it: `holder`, until
`held_until` (microseconds since the epoch) unless it says so again."""

batch_lines: Final = Table(
    "batch_lines",
    METADATA,
    text("batch_id", ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    text("custom_id"),
    Column("body", LargeBinary, nullable=True),
    Column("result", LargeBinary, nullable=True),
    Column("ok", Boolean, nullable=True),
)
"""One request of a batch: `position` is its line in the file, counted from 1. `body` is what is asked, until it is
answered; `result` the line of the output file (`ok`) or of the error file, as it is written there."""
