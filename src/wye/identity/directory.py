"""Who holds which key: known keys are found without waiting, and what changes about one holds everywhere in seconds.

Every key that was shown once is remembered here with whom it is of. Each change of a key, a user, a team or a user's
preferences is written to the audit log in a transaction that announces it; every replica hears of that within about a
second, reads which they were, and looks those up anew. While the database is away, keys that are known go on working
for `[store] grace` seconds; of others nobody can say anything, which is a 503 and never a 401.
"""

import hmac
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from msgspec import Struct, convert, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.caller import ADMIN, LOCAL, SCOPES, Caller, Limits, Scope
from wye.core.errors import AuthenticationError, SignInUnavailableError, StoreUnavailableError
from wye.identity.changing import TARGETS, TOPIC
from wye.identity.minting import hashed, wrong_key
from wye.identity.pepper import pepper_of
from wye.identity.preferred import defaults_of
from wye.identity.vault import SealBrokenError, Vault, VaultClosedError
from wye.store import people
from wye.store.opened import Store

_KEPT: Final = 50_000
"""Keys remembered at a time; the one that was remembered first goes first, and is looked up again when it comes."""
_AT_ONCE: Final = 200
ALL_SCOPES: Final[tuple[Scope, ...]] = ("admin", "manage", "use", "read")
HOUSE: Final = frozenset({"local", "admin"})
"""The users that are there from the start, whom nothing limits."""


class Known(Struct, frozen=True, kw_only=True):
    """A key as it was last seen; `expires_at` is microseconds since the epoch, `problem` why it opens nothing."""

    hash: str
    caller: Caller
    expires_at: int | None
    problem: str | None


class Directory:
    """The keys of one process's callers."""

    def __init__(self, store: Store, vault: Vault, *, wall: Callable[[], float] = time.time) -> None:
        """Know nobody yet; `wall` tells seconds since the epoch."""
        self._database = store.database
        self._changes = store.changes
        self._grace = store.database.config.grace
        self._vault = vault
        self._wall = wall
        self._known: dict[str, Known] = {}
        self._house = {caller.user: caller for caller in (LOCAL, ADMIN)}
        self._pepper: bytes | None = None
        self._seen = -1
        self._generation = 0
        self._users: set[str] = set()
        self.brought: Callable[[str], Awaitable[None]] | None = None
        """Called for a user that is new here, and whenever what a user brought along may have changed."""
        self._changes.on(TOPIC, self.refresh)

    def known(self, key: bytes) -> Caller | None:
        """Return whose key this is, `None` where it is not known here: then `look_up` knows.

        Raises `AuthenticationError` for one that was revoked or has expired, `SignInUnavailableError` where nobody
        could say for too long whether it was.
        """
        return None if self._pepper is None else self.known_by(hashed(key, self._pepper))

    def known_by(self, digest: str) -> Caller | None:
        """Return whose key has this hash, as `known` does of the key itself."""
        found = self._known.get(digest)
        if found is None:
            return None
        if self._changes.age > self._grace:
            raise SignInUnavailableError(
                f"the database has been away for more than {self._grace:g} s: no key can be checked now"
            )
        return self._checked(found)

    async def look_up(self, key: bytes) -> Caller:
        """Ask the database whose key this is.

        Raises `AuthenticationError` where it is nobody's, `SignInUnavailableError` where nobody can say.
        """
        return await self._look_up(lambda pepper: hashed(key, pepper))

    async def look_up_by(self, digest: str) -> Caller:
        """Ask the database whose key has this hash, as `look_up` does of the key itself."""
        return await self._look_up(lambda _: digest)

    async def _look_up(self, digest_with: Callable[[bytes], str]) -> Caller:
        generation = self._generation
        try:
            async with self._database.read() as connection:
                pepper = self._pepper or await pepper_of(connection, self._vault)
                digest = digest_with(pepper) if pepper is not None else ""
                rows = await people.sign_ins(connection, [digest]) if pepper is not None else {}
            if (row := rows.get(digest)) is not None and row.user.id not in self._users:
                await self._bring(row.user.id)
        except (SealBrokenError, VaultClosedError) as error:
            raise SignInUnavailableError(f"no virtual key can be checked: {error.message}") from None
        except StoreUnavailableError:
            raise SignInUnavailableError(
                "the database is away, and this key is not known here: nobody can say now whether it is right",
                retry_after=1.0,
            ) from None
        self._pepper = pepper
        if row is None or not hmac.compare_digest(row.key.hash, digest):
            raise wrong_key()
        found = known_of(row)
        if generation == self._generation:  # else it may have been read before a change that was heard of meanwhile
            self._remember(found)
        return self._checked(found)

    async def caller(self, user: str, key_id: str | None) -> Caller:
        """Return whoever asked with a key some time ago, as it may ask now; without a key it is one of the house.

        Raises `AuthenticationError` where the key has ended, `SignInUnavailableError` where nobody can say.
        """
        if key_id is None:
            if user in HOUSE:
                return self._house[user]
            raise AuthenticationError("nobody can tell whose request this is any more")
        try:
            async with self._database.read() as connection:
                row = await people.sign_in(connection, user, key_id)
            if row is not None and user not in self._users:
                await self._bring(user)
        except (SealBrokenError, VaultClosedError) as error:
            raise SignInUnavailableError(f"no virtual key can be checked: {error.message}") from None
        except StoreUnavailableError:
            raise SignInUnavailableError("the database is away: no key can be checked", retry_after=1.0) from None
        if row is None:
            raise AuthenticationError("the API key is not there any more")
        return self._checked(known_of(row))

    def of_the_house(self, caller: Caller) -> Caller:
        """Return `LOCAL` or `ADMIN` with what that user prefers."""
        return self._house[caller.user]

    def digest(self, key: bytes) -> bytes:
        """Return what tells a wrong key from others, and cannot be turned back into it."""
        return hashed(key, self._pepper or b"").encode()

    def secret_for(self, purpose: bytes) -> bytes | None:
        """Return a secret that all processes of this deployment share; `None` before any key was ever looked up."""
        return None if self._pepper is None else hmac.digest(self._pepper, purpose, "sha256")

    def _checked(self, found: Known) -> Caller:
        if found.problem is not None:
            raise AuthenticationError(f"the API key {found.problem}")
        if found.expires_at is not None and self._wall() * 1e6 >= found.expires_at:
            raise AuthenticationError("the API key has expired")
        return found.caller

    def _remember(self, found: Known) -> None:
        self._known[found.hash] = found
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]

    async def refresh(self) -> None:
        """Look up anew what has changed since the last time. Raises `StoreUnavailableError`."""
        self._generation += 1
        async with self._database.read() as connection:
            if self._pepper is None:
                self._pepper = await pepper_of(connection, self._vault)
            if self._seen < 0:
                self._seen = await people.last_entry(connection)
                touched: list[tuple[int, str, str]] = []
                await self._ask_the_house(connection, self._house)
            else:
                touched = await people.touched(connection, self._seen, TARGETS)
            if touched:
                subjects = {(target, name) for _, target, name in touched}
                await self._look_again(connection, subjects)
                await self._ask_the_house(connection, [n for t, n in subjects if t == "preferences" and n in HOUSE])
        if touched:
            self._seen = touched[-1][0]
        self._generation += 1
        new = {name.partition("/")[0] for _, target, name in touched if target == "own"} & self._users
        for user in new | (HOUSE - self._users):
            await self._bring(user)

    async def _ask_the_house(self, connection: AsyncConnection, users: Iterable[str]) -> None:
        for caller in (LOCAL, ADMIN):
            if caller.user in users:
                said = await people.preferences(connection, caller.user)
                self._house[caller.user] = _preferring(caller, said)

    async def _bring(self, user: str) -> None:
        if self.brought is not None:
            await self.brought(user)
        self._users.add(user)

    async def _look_again(self, connection: AsyncConnection, touched: set[tuple[str, str]]) -> None:
        hashes = [known.hash for known in self._known.values() if not touched.isdisjoint(_about(known.caller))]
        for at in range(0, len(hashes), _AT_ONCE):
            some = hashes[at : at + _AT_ONCE]
            rows = await people.sign_ins(connection, some)
            for digest in some:
                if (row := rows.get(digest)) is not None:
                    self._known[digest] = known_of(row)
                else:
                    self._known.pop(digest, None)


def _about(caller: Caller) -> Iterable[tuple[str, str]]:
    yield "key", caller.key or ""
    yield "user", caller.user
    yield "preferences", caller.user
    if caller.team is not None:
        yield "team", caller.team


def known_of(row: people.SignIn) -> Known:
    """Return what is remembered of a key."""
    key, user, team, said = row.key, row.user, row.team, row.preferences
    problem = None
    if key.revoked_at is not None:
        problem = "was revoked"
    elif user.disabled_at is not None:
        problem = "is of a user who was switched off"
    elif team is not None and team.disabled_at is not None:
        problem = "is of a team that was switched off"
    caller = Caller(
        user=user.id,
        key=key.id,
        team=team.id if team is not None else None,
        name=key.name,
        scopes=scopes_of(key.scopes) & user_scopes(user),
        models=frozenset(key.models) if key.models is not None else None,
        providers=frozenset(key.providers) if key.providers is not None else None,
        tags=key.tags,
        limits=convert(key.limits, Limits) if key.limits else None,
        via="virtual_key",
    )
    return Known(hash=key.hash, caller=_preferring(caller, said), expires_at=key.expires_at, problem=problem)


def _preferring(caller: Caller, said: people.Preferences | None) -> Caller:
    """Return a caller with what its user prefers; providers that are not enabled answer nothing for it."""
    if said is None:
        return caller
    providers = caller.providers
    if said.enabled_providers is not None:
        enabled = frozenset(said.enabled_providers)
        providers = enabled if providers is None else providers & enabled
    defaults = defaults_of(said.defaults)
    return structs.replace(
        caller,
        providers=providers,
        preferred=said.preferred_llm_provider,
        strategy=said.strategy,
        default_model=defaults.model,
        temperature=defaults.temperature,
        max_tokens=defaults.max_tokens,
    )


def scopes_of(names: Iterable[str]) -> frozenset[Scope]:
    """Return those of `names` that are scopes."""
    said = set(names)
    return frozenset(scope for scope in ALL_SCOPES if scope in said)


def user_scopes(user: people.User) -> frozenset[Scope]:
    """Return the scopes that a user's keys may have."""
    return SCOPES if user.id in HOUSE else scopes_of(user.scopes)
