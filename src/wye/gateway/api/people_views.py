"""The answers about keys, users, teams, preferences and changes; times are RFC 3339 in UTC."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from wye.gateway.api.views import View
from wye.store import people
from wye.store.audit import Entry


class VirtualKeyView(View, frozen=True, kw_only=True):
    """A key without itself; `status` is `active`, `revoked` or `expired`. `null` in a list of names means all.

    `lastUsedAt` is right to within a minute.
    """

    id: str
    prefix: str
    name: str
    user_id: str
    team_id: str | None
    status: str
    scopes: Sequence[str]
    models: Sequence[str] | None
    providers: Sequence[str] | None
    limits: dict[str, int]
    tags: Sequence[str]
    created_by: str | None
    created_at: datetime.datetime
    expires_at: datetime.datetime | None
    revoked_at: datetime.datetime | None
    last_used_at: datetime.datetime | None


class NewVirtualKeyView(VirtualKeyView, frozen=True, kw_only=True):
    """A key that was just made; `key` is shown this once."""

    key: str


class VirtualKeysView(View, frozen=True, kw_only=True):
    """Keys; `next` is the `after` of the next page, `null` on the last."""

    keys: Sequence[VirtualKeyView]
    next: str | None


class UserView(View, frozen=True, kw_only=True):
    """A user; `limits` are those written down for all its keys together."""

    id: str
    name: str
    email: str | None
    team_id: str | None
    scopes: Sequence[str]
    enabled: bool
    limits: dict[str, int]
    created_at: datetime.datetime


class UsersView(View, frozen=True, kw_only=True):
    """Users; `next` is the `after` of the next page, `null` on the last."""

    users: Sequence[UserView]
    next: str | None


class TeamView(View, frozen=True, kw_only=True):
    """A team; `limits` are those written down for all its members together."""

    id: str
    name: str
    enabled: bool
    limits: dict[str, int]
    created_at: datetime.datetime


class TeamsView(View, frozen=True, kw_only=True):
    """Teams; `next` is the `after` of the next page, `null` on the last."""

    teams: Sequence[TeamView]
    next: str | None


class PreferencesView(View, frozen=True, kw_only=True):
    """What a user prefers."""

    user_id: str
    preferred_llm_provider: str | None
    enabled_providers: Sequence[str] | None
    strategy: str | None
    defaults: dict[str, Any] | None


class ChangeView(View, frozen=True, kw_only=True):
    """Who did what to what; secrets are left out of `before` and `after`."""

    id: int
    at: datetime.datetime
    user_id: str
    key_id: str | None
    action: str
    target: str
    target_id: str
    before: Any
    after: Any
    request_id: str | None


class ChangesView(View, frozen=True, kw_only=True):
    """Changes, the latest first; `next` is the `before` of the next page, `null` on the last."""

    changes: Sequence[ChangeView]
    next: int | None


def moment(microseconds: int) -> datetime.datetime:
    """Return a time of the tables as it is shown."""
    return datetime.datetime.fromtimestamp(microseconds / 1e6, datetime.UTC)


def _maybe(microseconds: int | None) -> datetime.datetime | None:
    return None if microseconds is None else moment(microseconds)


def key_members(key: people.Key, now: int) -> dict[str, Any]:
    """Return the members of a key's view, at `now` (microseconds)."""
    expired = key.expires_at is not None and key.expires_at <= now
    return {
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "user_id": key.user_id,
        "team_id": key.team_id,
        "status": "revoked" if key.revoked_at is not None else "expired" if expired else "active",
        "scopes": key.scopes,
        "models": key.models,
        "providers": key.providers,
        "limits": limits_shown(key.limits),
        "tags": key.tags,
        "created_by": key.created_by,
        "created_at": moment(key.created_at),
        "expires_at": _maybe(key.expires_at),
        "revoked_at": _maybe(key.revoked_at),
        "last_used_at": _maybe(key.last_used_at),
    }


def limits_shown(limits: Mapping[str, int] | None) -> dict[str, int]:
    """Return limits by the names that a body gives them."""
    return {_camel(name): most for name, most in (limits or {}).items()}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


def user_view(user: people.User, scopes: Sequence[str]) -> UserView:
    """Return a user as it is shown."""
    return UserView(
        id=user.id,
        name=user.name,
        email=user.email,
        team_id=user.team_id,
        scopes=scopes,
        enabled=user.disabled_at is None,
        limits=limits_shown(user.limits),
        created_at=moment(user.created_at),
    )


def team_view(team: people.Team) -> TeamView:
    """Return a team as it is shown."""
    return TeamView(
        id=team.id,
        name=team.name,
        enabled=team.disabled_at is None,
        limits=limits_shown(team.limits),
        created_at=moment(team.created_at),
    )


def preferences_view(user_id: str, said: people.Preferences | None) -> PreferencesView:
    """Return what a user prefers as it is shown."""
    return PreferencesView(
        user_id=user_id,
        preferred_llm_provider=said.preferred_llm_provider if said else None,
        enabled_providers=said.enabled_providers if said else None,
        strategy=said.strategy if said else None,
        defaults=said.defaults if said else None,
    )


def change_view(entry: Entry) -> ChangeView:
    """Return an entry of the audit log as it is shown."""
    return ChangeView(
        id=entry.id,
        at=moment(entry.at),
        user_id=entry.user_id,
        key_id=entry.key_id,
        action=entry.action,
        target=entry.target,
        target_id=entry.target_id,
        before=entry.before,
        after=entry.after,
        request_id=entry.request_id,
    )
