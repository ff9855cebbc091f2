"""Gives keys out, changes them and takes them back: nobody gives more than it has.

A key may be given out by an admin, or by a caller with the scope `manage` to its own user: with the scopes, models,
providers, limits, team, tags and time that the caller's own key has, or less.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, structs, to_builtins
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.caller import Caller, Limits, Scope
from wye.core.errors import InvalidRequestError, PermissionDeniedError, RouteNotFoundError
from wye.core.secret import Secret
from wye.identity.changing import changed
from wye.identity.directory import ALL_SCOPES, user_scopes
from wye.identity.minting import mint
from wye.identity.pepper import ensure_pepper
from wye.identity.vault import Vault
from wye.store import people
from wye.store.database import now_us

DEFAULT_SCOPES: Final[tuple[Scope, ...]] = ("use", "read")
_SHOWN: Final = (
    "id", "prefix", "name", "user_id", "team_id", "scopes", "models", "providers", "limits", "tags", "expires_at",
)  # fmt: skip


class Wanted(Struct, frozen=True, kw_only=True):
    """What a key is to be like; what is `UNSET` stays as it is, or as the giver's own. Times are microseconds."""

    name: str | UnsetType = UNSET
    user: str | None = None
    team: str | UnsetType | None = UNSET
    scopes: tuple[str, ...] | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType | None = UNSET
    providers: tuple[str, ...] | UnsetType | None = UNSET
    limits: Limits | UnsetType | None = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    expires_at: int | UnsetType | None = UNSET


class Issued(Struct, frozen=True):
    """A key as it is kept, and the secret that is shown once."""

    key: people.Key
    secret: Secret


def new_id(kind: str) -> str:
    """Return an id that sorts by the time it was made."""
    return f"{kind}_{now_us():014x}{secrets.token_hex(4)}"


def owner_of(caller: Caller) -> str | None:
    """Return whose things a caller may see: its own, or everybody's (`None`)."""
    return None if caller.may("admin") else caller.user


async def create(
    connection: AsyncConnection, caller: Caller, wanted: Wanted, vault: Vault, *, request_id: str | None = None
) -> Issued:
    """Give out a key.

    Raises `InvalidRequestError` for a user, team or scope that is not there, `PermissionDeniedError` for more than the
    caller has.
    """
    owner = wanted.user or caller.user
    if owner != caller.user and not caller.may("admin"):
        raise PermissionDeniedError("only an admin gives keys to other users")
    minted = mint(await ensure_pepper(connection, vault))
    now = now_us()
    base = people.Key(
        id=new_id("key"),
        hash=minted.hash,
        prefix=minted.prefix,
        name="",
        user_id=owner,
        scopes=DEFAULT_SCOPES,
        created_by=caller.user,
        created_at=now,
        updated_at=now,
    )
    giver = await _givers_key(connection, caller)
    if giver is not None:
        base = structs.replace(
            base,
            team_id=giver.team_id,
            models=giver.models,
            providers=giver.providers,
            limits=giver.limits,
            tags=giver.tags,
            expires_at=giver.expires_at,
        )
    key = await _checked(connection, caller, giver, base, wanted)
    await people.add_key(connection, key)
    await changed(connection, caller, "create", "key", key.id, after=shown(key), request_id=request_id)
    return Issued(key, minted.secret)


async def update(
    connection: AsyncConnection, caller: Caller, key_id: str, wanted: Wanted, *, request_id: str | None = None
) -> people.Key:
    """Change a key. Raises `RouteNotFoundError` where the caller has no such key, and as `create` does."""
    before = await found(connection, caller, key_id)
    giver = await _givers_key(connection, caller)
    _is_within(giver, before)
    after = await _checked(connection, caller, giver, before, wanted)
    columns = {name: getattr(after, name) for name in _SHOWN if name not in {"id", "prefix", "user_id"}}
    await people.change_key(connection, owner_of(caller), key_id, **columns)
    await changed(
        connection, caller, "update", "key", key_id, before=shown(before), after=shown(after), request_id=request_id
    )
    return await found(connection, caller, key_id)


async def revoke(
    connection: AsyncConnection, caller: Caller, key_id: str, *, request_id: str | None = None
) -> people.Key:
    """Take a key back for good; one that was taken back stays so. Raises as `update` does."""
    before = await found(connection, caller, key_id)
    if before.revoked_at is None:
        await people.change_key(connection, owner_of(caller), key_id, revoked_at=now_us())
        await changed(connection, caller, "revoke", "key", key_id, before=shown(before), request_id=request_id)
    return await found(connection, caller, key_id)


async def rotate(
    connection: AsyncConnection, caller: Caller, key_id: str, vault: Vault, *, request_id: str | None = None
) -> Issued:
    """Replace a key's secret; the old one opens nothing any more. Raises as `update` does."""
    before = await found(connection, caller, key_id)
    _is_within(await _givers_key(connection, caller), before)
    if before.revoked_at is not None:
        raise InvalidRequestError(f"the key {key_id!r} was revoked: create another", code="key_revoked", param="id")
    minted = mint(await ensure_pepper(connection, vault))
    await people.change_key(connection, owner_of(caller), key_id, hash=minted.hash, prefix=minted.prefix)
    after = await found(connection, caller, key_id)
    await changed(
        connection, caller, "rotate", "key", key_id, before=shown(before), after=shown(after), request_id=request_id
    )
    return Issued(after, minted.secret)


async def found(connection: AsyncConnection, caller: Caller, key_id: str) -> people.Key:
    """Return a key that the caller may see; raise `RouteNotFoundError`."""
    key = await people.key(connection, owner_of(caller), key_id)
    if key is None:
        raise RouteNotFoundError(f"there is no key {key_id!r}", code="key_not_found", param="id")
    return key


def shown(key: people.Key) -> dict[str, Any]:
    """Return what the audit log says of a key."""
    return {name: getattr(key, name) for name in _SHOWN}


async def _givers_key(connection: AsyncConnection, caller: Caller) -> people.Key | None:
    """Return the key that bounds what a caller may give; `None` for admins."""
    if caller.may("admin") or caller.key is None:
        return None
    return await found(connection, caller, caller.key)


async def _checked(
    connection: AsyncConnection, caller: Caller, giver: people.Key | None, base: people.Key, wanted: Wanted
) -> people.Key:
    """Return `base` changed as wanted, where that may be."""
    user = await people.user(connection, base.user_id)
    if user is None:
        raise InvalidRequestError(f"there is no user {base.user_id!r}", code="unknown_user", param="userId")
    said: dict[str, Any] = {
        name: getattr(wanted, field)
        for name, field in (
            ("name", "name"),
            ("team_id", "team"),
            ("scopes", "scopes"),
            ("models", "models"),
            ("providers", "providers"),
            ("tags", "tags"),
            ("expires_at", "expires_at"),
        )
        if getattr(wanted, field) is not UNSET
    }
    if not isinstance(wanted.limits, UnsetType):
        said["limits"] = to_builtins(wanted.limits) or None
    key = structs.replace(base, **said)
    for scope in key.scopes:
        if scope not in ALL_SCOPES:
            known = ", ".join(ALL_SCOPES)
            raise InvalidRequestError(f"there is no scope {scope!r}; known are {known}", param="scopes")
        if scope not in user_scopes(user):
            raise PermissionDeniedError(f"the user {user.id!r} has no scope {scope!r}", param="scopes")
        if not caller.may(scope):
            raise PermissionDeniedError(f"the key lacks the scope {scope!r} and cannot give it", param="scopes")
    if key.team_id is not None and await people.team(connection, key.team_id) is None:
        raise InvalidRequestError(f"there is no team {key.team_id!r}", code="unknown_team", param="teamId")
    _is_within(giver, key)
    return key


def _is_within(giver: people.Key | None, key: people.Key) -> None:
    """Raise `PermissionDeniedError` where a key may do anything that the giver's own may not."""
    if giver is None:
        return
    beyond = [
        name
        for name, ok in (
            ("scopes", set(key.scopes) <= set(giver.scopes)),
            ("models", _among(key.models, giver.models)),
            ("providers", _among(key.providers, giver.providers)),
            ("limits", _at_most(key.limits, giver.limits)),
            ("teamId", key.team_id == giver.team_id),
            ("tags", set(key.tags) >= set(giver.tags)),
            ("expiresAt", _ends_by(key.expires_at, giver.expires_at)),
        )
        if not ok
    ]
    if beyond:
        message = f"a key cannot give more than it has: {', '.join(beyond)} would go beyond it; ask an admin"
        raise PermissionDeniedError(message, code="beyond_own_key", param=beyond[0])


def _among(some: Iterable[str] | None, bound: Iterable[str] | None) -> bool:
    return bound is None or (some is not None and set(some) <= set(bound))


def _at_most(some: Mapping[str, int] | None, bound: Mapping[str, int] | None) -> bool:
    said = some or {}
    return all(name in said and said[name] <= most for name, most in (bound or {}).items())


def _ends_by(moment: int | None, bound: int | None) -> bool:
    return bound is None or (moment is not None and moment <= bound)
