"""Users, teams, what users prefer, and their virtual keys."""

from typing import Any, Final, TypeVar

from msgspec import Struct, structs
from sqlalchemy import Select, Table, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store.database import now_us
from wye.store.tables import audit_log, keys, teams, user_preferences, users
from wye.store.upsert import insert

PAGE: Final = 500
"""Rows returned at once, at most."""


class Team(Struct, frozen=True, kw_only=True):
    """A team; times are microseconds since the epoch."""

    id: str
    name: str
    limits: dict[str, int] | None = None
    created_at: int
    updated_at: int
    disabled_at: int | None = None


class User(Struct, frozen=True, kw_only=True):
    """A user; `scopes` are all that its keys may have."""

    id: str
    name: str
    email: str | None = None
    team_id: str | None = None
    scopes: tuple[str, ...] = ()
    limits: dict[str, int] | None = None
    created_at: int
    updated_at: int
    disabled_at: int | None = None


class Preferences(Struct, frozen=True, kw_only=True):
    """What a user prefers; `enabled_providers` of `None` are all."""

    user_id: str
    preferred_llm_provider: str | None = None
    enabled_providers: tuple[str, ...] | None = None
    strategy: str | None = None
    defaults: dict[str, Any] | None = None
    updated_at: int = 0


class Key(Struct, frozen=True, kw_only=True):
    """A virtual key without itself: `hash` is what it is found by, `prefix` what is shown of it."""

    id: str
    hash: str
    prefix: str
    name: str
    user_id: str
    team_id: str | None = None
    scopes: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    limits: dict[str, int] | None = None
    tags: tuple[str, ...] = ()
    created_by: str | None = None
    created_at: int
    updated_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None


class SignIn(Struct, frozen=True, kw_only=True):
    """A key together with whom it is of, as sign-in needs them."""

    key: Key
    user: User
    team: Team | None
    preferences: Preferences | None


_R = TypeVar("_R", Team, User, Key, Preferences)


def _row(kind: type[_R], row: Any, prefix: str = "") -> _R:
    """Make a value of a row; lists come back from JSON and are kept as they cannot be changed."""
    values: dict[str, Any] = {}
    for name in kind.__struct_fields__:
        value = row[prefix + name]
        values[name] = tuple(value) if isinstance(value, list) else value
    for name in ("scopes", "tags"):
        if values.get(name, 0) is None:
            values[name] = ()
    return kind(**values)


def _columns(table: Table, prefix: str) -> list[Any]:
    return [column.label(prefix + column.name) for column in table.c]


# --- Users and teams ---


async def add_user(connection: AsyncConnection, user: User) -> bool:
    """Add a user; tell whether its id was free."""
    return await _add(connection, users, user)


async def add_team(connection: AsyncConnection, team: Team) -> bool:
    """Add a team; tell whether its id was free."""
    return await _add(connection, teams, team)


async def _add(connection: AsyncConnection, table: Table, row: Struct) -> bool:
    values = structs.asdict(row)
    done = insert(connection, table).values(**values).on_conflict_do_nothing().returning(table.c.id)
    return (await connection.execute(done)).first() is not None


async def user(connection: AsyncConnection, user_id: str) -> User | None:
    """Return a user."""
    found = (await connection.execute(select(users).where(users.c.id == user_id))).mappings().first()
    return None if found is None else _row(User, found)


async def team(connection: AsyncConnection, team_id: str) -> Team | None:
    """Return a team."""
    found = (await connection.execute(select(teams).where(teams.c.id == team_id))).mappings().first()
    return None if found is None else _row(Team, found)


async def all_users(connection: AsyncConnection, *, after: str = "", limit: int = PAGE) -> list[User]:
    """Return users by their ids, those after `after`."""
    query = select(users).where(users.c.id > after).order_by(users.c.id).limit(min(limit, PAGE))
    return [_row(User, row) for row in (await connection.execute(query)).mappings()]


async def all_teams(connection: AsyncConnection, *, after: str = "", limit: int = PAGE) -> list[Team]:
    """Return teams by their ids, those after `after`."""
    query = select(teams).where(teams.c.id > after).order_by(teams.c.id).limit(min(limit, PAGE))
    return [_row(Team, row) for row in (await connection.execute(query)).mappings()]


async def change_user(connection: AsyncConnection, user_id: str, **values: Any) -> None:
    """Change columns of a user."""
    await connection.execute(users.update().where(users.c.id == user_id).values(**values, updated_at=now_us()))


async def change_team(connection: AsyncConnection, team_id: str, **values: Any) -> None:
    """Change columns of a team."""
    await connection.execute(teams.update().where(teams.c.id == team_id).values(**values, updated_at=now_us()))


# --- What a user prefers ---


async def preferences(connection: AsyncConnection, owner: str) -> Preferences | None:
    """Return what a user prefers, `None` where nothing was said."""
    query = select(user_preferences).where(user_preferences.c.user_id == owner)
    found = (await connection.execute(query)).mappings().first()
    return None if found is None else _row(Preferences, found)


async def put_preferences(connection: AsyncConnection, owner: str, said: Preferences) -> None:
    """Keep what a user prefers, in place of what it preferred before."""
    values = {**structs.asdict(said), "user_id": owner, "updated_at": now_us()}
    row = insert(connection, user_preferences).values(**values)
    await connection.execute(row.on_conflict_do_update(index_elements=["user_id"], set_=values))


# --- Keys ---


async def add_key(connection: AsyncConnection, key: Key) -> None:
    """Add a key."""
    await connection.execute(keys.insert().values(**structs.asdict(key)))


async def key(connection: AsyncConnection, owner: str | None, key_id: str) -> Key | None:
    """Return a key of `owner`; of anybody with `None`, which is for admins."""
    query = _of(owner, select(keys).where(keys.c.id == key_id))
    found = (await connection.execute(query)).mappings().first()
    return None if found is None else _row(Key, found)


async def all_keys(
    connection: AsyncConnection, owner: str | None, *, after: str = "", limit: int = PAGE, team_id: str | None = None
) -> list[Key]:
    """Return keys of `owner` by their ids, those after `after`; everybody's with `None`, which is for admins."""
    query = _of(owner, select(keys).where(keys.c.id > after))
    if team_id is not None:
        query = query.where(keys.c.team_id == team_id)
    rows = await connection.execute(query.order_by(keys.c.id).limit(min(limit, PAGE)))
    return [_row(Key, row) for row in rows.mappings()]


async def change_key(connection: AsyncConnection, owner: str | None, key_id: str, **values: Any) -> bool:
    """Change columns of a key of `owner`; tell whether there is one."""
    query = keys.update().where(keys.c.id == key_id, *([] if owner is None else [keys.c.user_id == owner]))
    return (await connection.execute(query.values(**{"updated_at": now_us(), **values}))).rowcount > 0


def _of(owner: str | None, query: Select[Any]) -> Select[Any]:
    return query if owner is None else query.where(keys.c.user_id == owner)


# --- Signing in ---


async def sign_ins(connection: AsyncConnection, hashes: list[str]) -> dict[str, SignIn]:
    """Return the keys of these hashes with whom they are of, by hash."""
    return {row.key.hash: row for row in await _signed(connection, keys.c.hash.in_(hashes))}


async def sign_in(connection: AsyncConnection, owner: str, key_id: str) -> SignIn | None:
    """Return a key of `owner` with whom it is of."""
    return next(iter(await _signed(connection, (keys.c.id == key_id) & (keys.c.user_id == owner))), None)


async def _signed(connection: AsyncConnection, where: Any) -> list[SignIn]:
    team_of = or_(teams.c.id == keys.c.team_id, and_(keys.c.team_id.is_(None), teams.c.id == users.c.team_id))
    joined = (
        keys.join(users, users.c.id == keys.c.user_id)
        .outerjoin(teams, team_of)
        .outerjoin(user_preferences, user_preferences.c.user_id == users.c.id)
    )
    columns = [
        *_columns(keys, "k_"), *_columns(users, "u_"), *_columns(teams, "t_"), *_columns(user_preferences, "p_")
    ]  # fmt: skip
    query = select(*columns).select_from(joined).where(where)
    return [
        SignIn(
            key=_row(Key, row, "k_"),
            user=_row(User, row, "u_"),
            team=_row(Team, row, "t_") if row["t_id"] is not None else None,
            preferences=_row(Preferences, row, "p_") if row["p_user_id"] is not None else None,
        )
        for row in (await connection.execute(query)).mappings()
    ]


async def touched(connection: AsyncConnection, since: int, targets: tuple[str, ...]) -> list[tuple[int, str, str]]:
    """Return what the audit log says was changed after entry `since`: its number, the kind of thing and its id."""
    columns = audit_log.c
    query = select(columns.id, columns.target, columns.target_id).where(columns.id > since, columns.target.in_(targets))
    return [(row.id, row.target, row.target_id) for row in await connection.execute(query.order_by(columns.id))]


async def last_entry(connection: AsyncConnection) -> int:
    """Return the number of the audit log's last entry, 0 where there is none."""
    query = select(audit_log.c.id).order_by(audit_log.c.id.desc()).limit(1)
    return int((await connection.execute(query)).scalar() or 0)
