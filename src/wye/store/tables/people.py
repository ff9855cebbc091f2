"""Who may ask: users, teams, their keys, and what they brought along themselves.

`owner`-like columns are called `user_id` in every table. Lists (`models`, `scopes`, `tags`) are JSON arrays of names in
which NULL says "all of them" where the values of `wye.core.caller.Caller` say so. `limits` is an object with the names
of `wye.core.limits.Limits`.
"""

from typing import Final

from sqlalchemy import ForeignKey, Index, Table, UniqueConstraint

from wye.store.tables.schema import METADATA, document, flag, text, whole

teams: Final = Table(
    "teams",
    METADATA,
    text("id", primary_key=True),
    text("name"),
    document("limits"),
    whole("created_at"),
    whole("updated_at"),
    whole("disabled_at", optional=True),
    UniqueConstraint("name"),
)

users: Final = Table(
    "users",
    METADATA,
    text("id", primary_key=True),
    text("name"),
    text("email", optional=True),
    text("team_id", ForeignKey("teams.id", ondelete="SET NULL"), optional=True),
    document("scopes"),
    document("limits"),
    whole("created_at"),
    whole("updated_at"),
    whole("disabled_at", optional=True),
    UniqueConstraint("email"),
    Index(None, "team_id"),
)
"""The users `local` and `admin` are there from the first migration on: who asks an open gateway, and the admin key."""

user_preferences: Final = Table(
    "user_preferences",
    METADATA,
    text("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    text("preferred_llm_provider", optional=True),
    document("enabled_providers"),
    text("strategy", optional=True),
    document("defaults"),
    whole("updated_at"),
)

keys: Final = Table(
    "keys",
    METADATA,
    text("id", primary_key=True),
    text("hash"),
    text("prefix"),
    text("name"),
    text("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    text("team_id", ForeignKey("teams.id", ondelete="SET NULL"), optional=True),
    document("scopes"),
    document("models"),
    document("providers"),
    document("limits"),
    document("tags"),
    text("created_by", optional=True),
    whole("created_at"),
    whole("updated_at"),
    whole("expires_at", optional=True),
    whole("revoked_at", optional=True),
    whole("last_used_at", optional=True),
    UniqueConstraint("hash"),
    Index(None, "user_id"),
    Index(None, "team_id"),
)
"""Virtual keys: `hash` is keyed, `prefix` what is shown of the key; the key itself is nowhere."""

provider_keys: Final = Table(
    "provider_keys",
    METADATA,
    text("id", primary_key=True),
    text("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    text("provider"),
    text("name", server_default=""),
    text("api_key"),
    text("masked"),
    document("config"),
    flag("is_enabled", default=True),
    whole("created_at"),
    whole("updated_at"),
    UniqueConstraint("user_id", "provider", "name"),
)
"""Users' own keys of providers: `api_key` is encrypted."""

llm_models: Final = Table(
    "llm_models",
    METADATA,
    text("id", primary_key=True),
    text("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    text("name"),
    text("provider"),
    text("model_id"),
    text("base_url", optional=True),
    text("api_key", optional=True),
    text("masked", optional=True),
    flag("is_enabled", default=True),
    document("config"),
    whole("created_at"),
    whole("updated_at"),
    UniqueConstraint("user_id", "name"),
)
"""Users' own models: `api_key` is encrypted, `config` holds temperature, largest answers and the like."""

ended_sessions: Final = Table(
    "ended_sessions",
    METADATA,
    text("name", primary_key=True),
    whole("until"),
)
"""Browsers' sessions that were signed out of; their cookies would have held `until` then."""
