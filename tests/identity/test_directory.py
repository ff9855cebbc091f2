"""Known keys are found without waiting, changes hold on every replica; a database that is away is a 503, no 401."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from wye.core.caller import ADMIN, LOCAL, Caller, Limits
from wye.core.errors import AuthenticationError, SignInUnavailableError, StoreUnavailableError
from wye.core.secret import Secret
from wye.identity import issuing
from wye.identity.changing import changed
from wye.identity.directory import Directory
from wye.identity.pepper import reseal_pepper
from wye.identity.vault import Vault
from wye.store import people
from wye.store.changes import Changes
from wye.store.config import StoreConfig
from wye.store.database import Database, now_us
from wye.store.opened import Store

VAULT = Vault(Secret("a secret for these tests"))


class Replica:
    """One gateway process, as far as sign-in goes: it looks for changes when it is told to."""

    def __init__(self, config: StoreConfig, vault: Vault = VAULT) -> None:
        self.store = Store(config)
        self.now = 0.0
        self.store.changes = Changes(self.store.database, clock=lambda: self.now)
        self.wall = now_us() / 1e6
        self.directory = Directory(self.store, vault, wall=lambda: self.wall)

    async def look(self) -> None:
        await self.store.changes.look()

    async def sign_in(self, key: Secret) -> Caller:
        given = key.reveal().encode()
        return self.directory.known(given) or await self.directory.look_up(given)


@pytest_asyncio.fixture
async def replicas(store_config: StoreConfig) -> AsyncIterator[list[Replica]]:
    several = [Replica(store_config), Replica(store_config)]
    for one in several:
        await one.look()
    yield several
    for one in several:
        await one.store.database.aclose()


async def issue(database: Database, wanted: issuing.Wanted | None = None, caller: Caller = LOCAL) -> issuing.Issued:
    async with database.begin() as connection:
        return await issuing.create(connection, caller, wanted or issuing.Wanted(), VAULT)


async def test_a_key_works_at_once_on_every_replica_and_then_without_waiting(
    database: Database, replicas: list[Replica]
) -> None:
    wanted = issuing.Wanted(
        name="batch", models=("mock/*",), providers=("mock",), limits=Limits(requests_per_minute=5), tags=("a",)
    )
    made = await issue(database, wanted)
    for one in replicas:
        assert one.directory.known(made.secret.reveal().encode()) is None
        caller = await one.sign_in(made.secret)
        assert (caller.user, caller.key, caller.name, caller.via) == ("local", made.key.id, "batch", "virtual_key")
        assert (caller.models, caller.providers) == (frozenset({"mock/*"}), frozenset({"mock"}))
        assert (caller.limits, caller.tags) == (Limits(requests_per_minute=5), ("a",))
        assert caller.scopes == {"use", "read"}
        assert one.directory.known(made.secret.reveal().encode()) == caller


async def test_nothing_of_a_key_is_in_the_database(database: Database, replicas: list[Replica]) -> None:
    made = await issue(database)
    async with database.read() as connection:
        rows = [await people.key(connection, None, made.key.id), await people.all_keys(connection, "local")]
        entries = await people.touched(connection, 0, ("key",))
    hidden = made.secret.reveal().rpartition("-")[2]
    assert entries
    assert hidden not in repr(rows)


@pytest.mark.parametrize("change", ["revoke", "rotate", "user", "team"])
async def test_what_closes_a_key_holds_on_every_replica_once_it_has_looked(
    database: Database, replicas: list[Replica], change: str
) -> None:
    now = now_us()
    async with database.begin() as connection:
        await people.add_team(connection, people.Team(id="t", name="t", created_at=now, updated_at=now))
        someone = people.User(id="u", name="u", team_id="t", scopes=("use",), created_at=now, updated_at=now)
        await people.add_user(connection, someone)
    made = await issue(database, issuing.Wanted(user="u", scopes=("use",)))
    for one in replicas:
        assert (await one.sign_in(made.secret)).team == "t"
    async with database.begin() as connection:
        match change:
            case "revoke":
                await issuing.revoke(connection, LOCAL, made.key.id)
            case "rotate":
                await issuing.rotate(connection, LOCAL, made.key.id, VAULT)
            case "user":
                await people.change_user(connection, "u", disabled_at=now)
                await changed(connection, LOCAL, "update", "user", "u")
            case _:
                await people.change_team(connection, "t", disabled_at=now)
                await changed(connection, LOCAL, "update", "team", "t")
    for one in replicas:
        await one.look()
        with pytest.raises(AuthenticationError):
            await one.sign_in(made.secret)


async def test_an_edit_of_a_key_holds_on_every_replica_once_it_has_looked(
    database: Database, replicas: list[Replica]
) -> None:
    made = await issue(database)
    for one in replicas:
        await one.sign_in(made.secret)
    async with database.begin() as connection:
        await issuing.update(connection, LOCAL, made.key.id, issuing.Wanted(models=("openai/*",), scopes=("read",)))
        said = people.Preferences(user_id="local", enabled_providers=("openai",), strategy="cost")
        await people.put_preferences(connection, "local", said)
        await changed(connection, LOCAL, "update", "preferences", "local")
    for one in replicas:
        await one.look()
        caller = one.directory.known(made.secret.reveal().encode())
        assert caller is not None
        assert (caller.models, caller.scopes) == (frozenset({"openai/*"}), frozenset({"read"}))
        assert (caller.providers, caller.strategy) == (frozenset({"openai"}), "cost")
        assert one.directory.of_the_house(LOCAL).strategy == "cost"
        assert one.directory.of_the_house(ADMIN).strategy is None


async def test_a_key_that_is_looked_up_while_it_is_revoked_is_not_remembered_as_good(
    database: Database, replicas: list[Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, one = await issue(database), replicas[0]
    read = people.sign_ins

    async def slowly(connection: object, hashes: list[str]) -> dict[str, people.SignIn]:
        found = await read(connection, hashes)  # type: ignore[arg-type]
        monkeypatch.setattr(people, "sign_ins", read)
        async with database.begin() as writing:
            await issuing.revoke(writing, LOCAL, made.key.id)
        await one.look()
        return found

    monkeypatch.setattr(people, "sign_ins", slowly)
    await one.sign_in(made.secret)  # it was good when it was read
    with pytest.raises(AuthenticationError):
        await one.sign_in(made.secret)


async def test_a_key_expires_by_itself(database: Database, replicas: list[Replica]) -> None:
    one = replicas[0]
    made = await issue(database, issuing.Wanted(expires_at=round((one.wall + 60) * 1e6)))
    assert (await one.sign_in(made.secret)).user == "local"
    one.wall += 61
    with pytest.raises(AuthenticationError, match="expired"):
        one.directory.known(made.secret.reveal().encode())


async def test_while_the_database_is_away_known_keys_work_for_a_while_and_of_others_nobody_can_say(
    database: Database, replicas: list[Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown, one = await issue(database), await issue(database), replicas[0]
    await one.sign_in(known.secret)

    def away() -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(one.store.database, "read", away)
    one.now = 899
    await one.look()
    assert (await one.sign_in(known.secret)).key == known.key.id
    with pytest.raises(SignInUnavailableError):
        await one.sign_in(unknown.secret)
    one.now = 901
    with pytest.raises(SignInUnavailableError, match="900 s"):
        await one.sign_in(known.secret)


async def test_keys_outlive_a_change_of_the_secret_key(
    database: Database, store_config: StoreConfig, replicas: list[Replica]
) -> None:
    made = await issue(database)
    both = Vault(Secret("the new secret of these tests,a secret for these tests"))
    async with database.begin() as connection:
        assert await reseal_pepper(connection, both)
        assert not await reseal_pepper(connection, both)
    new = Vault(Secret("the new secret of these tests"))
    for vault, said in ((new, None), (VAULT, "another WYE_SECRET_KEY"), (Vault(), "set WYE_SECRET_KEY")):
        replica = Replica(store_config, vault)
        if said is None:
            assert (await replica.sign_in(made.secret)).key == made.key.id
        else:
            with pytest.raises(SignInUnavailableError, match=said):
                await replica.sign_in(made.secret)
        await replica.store.database.aclose()
