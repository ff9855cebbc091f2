"""All tables on one MetaData; each is defined here and nowhere else.

The first migration is written from these definitions (`uv run python tools/write_migration.py`) for as long as no
version with it is released; a test compares the two on both databases. Later changes are migrations of their own, in
two steps: see docs/decisions/0009-store.md.
"""

from wye.store.tables.batching import batch_lines, batches, file_parts, files
from wye.store.tables.documents import documents, passages
from wye.store.tables.house import audit_log, changes, chores, settings
from wye.store.tables.judging import evaluations
from wye.store.tables.money import budget_periods, budgets, leases
from wye.store.tables.people import ended_sessions, keys, llm_models, provider_keys, teams, user_preferences, users
from wye.store.tables.schema import METADATA
from wye.store.tables.talks import attachments, conversations, messages, response_items, responses
from wye.store.tables.usage import (
    attempts,
    conversation_hours,
    latency_buckets,
    refusals,
    tag_hours,
    usage_events,
    usage_hours,
)

__all__ = [
    "METADATA",
    "attachments",
    "attempts",
    "audit_log",
    "batch_lines",
    "batches",
    "budget_periods",
    "budgets",
    "changes",
    "chores",
    "conversation_hours",
    "conversations",
    "documents",
    "ended_sessions",
    "evaluations",
    "file_parts",
    "files",
    "keys",
    "latency_buckets",
    "leases",
    "llm_models",
    "messages",
    "passages",
    "provider_keys",
    "refusals",
    "response_items",
    "responses",
    "settings",
    "tag_hours",
    "teams",
    "usage_events",
    "usage_hours",
    "user_preferences",
    "users",
]
