"""The books: one row per request, and the sums that reports are made of.

Money is picodollars, NULL where it is unknown. `hour` is hours since the epoch (`at // 3_600_000_000`). No row refers
to a user or key by a foreign key: the books outlive both. In the sums an absent key, team, provider or model is the
empty string, since they are part of the primary key.
"""

from typing import Any, Final

from sqlalchemy import Column, Index, SmallInteger, Table
from sqlalchemy import text as sql

from wye.core.sums import SUMMED
from wye.store.tables.schema import METADATA, count, document, flag, text, whole

usage_events: Final = Table(
    "usage_events",
    METADATA,
    text("id", primary_key=True),
    whole("at", primary_key=True, autoincrement=False),
    text("user_id"),
    text("key_id", optional=True),
    text("team_id", optional=True),
    text("parent_id", optional=True),
    text("conversation_id", optional=True),
    document("tags"),
    text("operation"),
    text("surface"),
    text("asked"),
    text("provider", optional=True),
    text("model", optional=True),
    flag("stream"),
    text("status"),
    text("error", optional=True),
    count("input_tokens"),
    count("output_tokens"),
    count("cache_read_tokens"),
    count("cache_write_tokens"),
    count("reasoning_tokens"),
    count("audio_tokens"),
    whole("cost", optional=True),
    whole("reported_cost", optional=True),
    flag("estimated"),
    whole("saved", optional=True),
    whole("hold", optional=True),
    whole("first_token", optional=True),
    whole("duration"),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    flag("cached"),
    text("prices", optional=True),
    Index(None, "at"),
    Index(None, "user_id", "at"),
    Index(
        "ix_usage_events_conversation_id",
        "conversation_id",
        postgresql_where=sql("conversation_id IS NOT NULL"),
        sqlite_where=sql("conversation_id IS NOT NULL"),
    ),
    Index(
        "ix_usage_events_parent_id",
        "parent_id",
        postgresql_where=sql("parent_id IS NOT NULL"),
        sqlite_where=sql("parent_id IS NOT NULL"),
    ),
    postgresql_partition_by="RANGE (at)",
)
"""A `wye.core.record.UsageRecord` per row, by its names. On PostgreSQL partitioned by month (`wye.store.partitions`):
`at` is in the primary key for that, and `ON CONFLICT (id, at) DO NOTHING` makes an insert one that may be repeated."""

attempts: Final = Table(
    "attempts",
    METADATA,
    text("usage_id", primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    whole("at"),
    text("user_id"),
    text("team_id", optional=True),
    text("provider"),
    text("model"),
    whole("duration"),
    whole("first_token", optional=True),
    text("error", optional=True),
    flag("cancelled"),
    whole("input_tokens", optional=True),
    whole("output_tokens", optional=True),
    whole("cost", optional=True),
    whole("reported_cost", optional=True),
    flag("estimated"),
    Index(None, "at"),
    Index(
        "ix_attempts_errors",
        "provider",
        "at",
        postgresql_where=sql("error IS NOT NULL"),
        sqlite_where=sql("error IS NOT NULL"),
    ),
)
"""A `wye.core.record.AttemptRecord` per row, of requests that had more than one, or an error; `user_id` and `team_id`
are the request's."""


def _place() -> list[Column[Any]]:
    """Return what sums are kept by: the names of `wye.core.sums.Place`."""
    names = ("user_id", "key_id", "team_id", "provider", "model")
    return [
        whole("hour", primary_key=True, autoincrement=False),
        *(text(name, primary_key=True) for name in names),
    ]


usage_hours: Final = Table("usage_hours", METADATA, *_place(), *map(count, SUMMED))
"""Sums by the hour, as `wye.core.sums.Sums` has them, added to in the transaction that writes the events."""

tag_hours: Final = Table(
    "tag_hours",
    METADATA,
    text("tag", primary_key=True),
    *_place(),
    *map(count, SUMMED),
    Index(None, "hour"),
)
"""The same by tag: a request counts under each of its tags."""

conversation_hours: Final = Table(
    "conversation_hours",
    METADATA,
    text("conversation_id", primary_key=True),
    *_place(),
    *map(count, SUMMED),
    Index(None, "hour"),
)
"""The same by conversation; requests that belong to none are not in it."""

latency_buckets: Final = Table(
    "latency_buckets",
    METADATA,
    whole("hour", primary_key=True, autoincrement=False),
    text("provider", primary_key=True),
    text("model", primary_key=True),
    text("kind", primary_key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    count("count"),
)
"""Sketches of latency that add up: `kind` is first_token or total, `bucket` that of `wye.core.sketch`."""

refusals: Final = Table(
    "refusals",
    METADATA,
    whole("hour", primary_key=True, autoincrement=False),
    *(text(name, primary_key=True) for name in ("user_id", "team_id", "key_id", "by", "scope", "target", "measure")),
    count("count"),
)
"""How often requests were not let in: `by` is limit or budget, `scope` and `target` say whose, `measure` is the limit's
name or the budget's period. They are in no usage, and were never asked of anybody."""
