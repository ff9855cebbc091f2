"""The audit log: who changed what, when, from what to what. Rows are added, never changed; the database sees to it."""

import operator
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.caller import Caller
from wye.core.secret import Secret
from wye.store.database import now_us
from wye.store.tables import audit_log

PAGE: Final = 500
"""Entries returned at once, at most."""
_HIDDEN: Final = "…"
_SECRETS: Final = ("api_key", "apikey", "secret", "password", "token", "hash", "authorization", "credential")
_PLAIN: Final = frozenset({"max_tokens", "input_tokens", "output_tokens", "tokens"})


class Entry(Struct, frozen=True, kw_only=True):
    """One change; `at` is microseconds since the epoch, `before` and `after` what it was and is, without secrets."""

    id: int
    at: int
    user_id: str
    key_id: str | None
    action: str
    target: str
    target_id: str
    before: Any
    after: Any
    request_id: str | None


async def add(
    connection: AsyncConnection,
    caller: Caller,
    action: str,
    target: str,
    target_id: str = "",
    *,
    before: Any = None,
    after: Any = None,
    request_id: str | None = None,
) -> int:
    """Write down, in the transaction that makes it, that `caller` made a change; return the entry's id.

    `action` is a verb (create, update, delete, revoke, rotate), `target` what kind of thing (key, budget, setting,
    provider …). `before` and `after` may be anything that msgspec can encode; what may be a secret is left out of them.
    """
    row = audit_log.insert().values(
        at=now_us(),
        user_id=caller.user,
        key_id=caller.key,
        action=action,
        target=target,
        target_id=target_id,
        before=without_secrets(before),
        after=without_secrets(after),
        request_id=request_id,
    )
    return int((await connection.execute(row.returning(audit_log.c.id))).scalar_one())


async def page(
    connection: AsyncConnection,
    owner: str | None,
    *,
    before_id: int | None = None,
    limit: int = 100,
    target: str | None = None,
    target_id: str | None = None,
    since: int | None = None,
    until: int | None = None,
) -> list[Entry]:
    """Return entries, the latest first: those of what `owner` did or, with `None`, everybody's, which is for admins.

    The last one's id is the `before_id` of the next page. `since` and `until` (exclusive) are microseconds.
    """
    columns = audit_log.c
    filters: list[tuple[Column[Any], Callable[[Any, Any], Any], Any]] = [
        (columns.user_id, operator.eq, owner),
        (columns.id, operator.lt, before_id),
        (columns.target, operator.eq, target),
        (columns.target_id, operator.eq, target_id),
        (columns.at, operator.ge, since),
        (columns.at, operator.lt, until),
    ]
    chosen = [compare(column, value) for column, compare, value in filters if value is not None]
    query = select(audit_log).where(*chosen).order_by(columns.id.desc()).limit(max(1, min(limit, PAGE)))
    return [Entry(**row) for row in (await connection.execute(query)).mappings()]


def without_secrets(value: Any) -> Any:
    """Return a value as JSON can have it, with a mask where a secret is or, by its name, may be."""
    return _masked(msgspec.to_builtins(value, enc_hook=_shown, str_keys=True))


def _shown(value: Any) -> Any:
    return value.masked() if isinstance(value, Secret) else str(value)


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _HIDDEN if item and _is_secret(name) else _masked(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item) for item in value]
    return value


def _is_secret(name: str) -> bool:
    lowered = name.lower().replace("-", "_")
    return lowered not in _PLAIN and any(part in lowered for part in _SECRETS)
