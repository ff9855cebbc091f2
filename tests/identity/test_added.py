"""Added providers are kept with sealed keys, become tables of settings, and are encrypted anew with another secret."""

from decimal import Decimal

import pytest

from wye.core.secret import Secret
from wye.identity import added
from wye.identity.added import Added, AddedModel
from wye.identity.vault import Vault
from wye.store import runtime_settings
from wye.store.database import Database

OLD, NEW = Secret("the old secret 0123"), Secret("the new secret 0123")
KEY = "their-key-0123456789"


def provider(vault: Vault, name: str = "one") -> Added:
    models = (AddedModel(id="m", input_cost_per_million=0.1, capabilities=("text",)), AddedModel(id="n"))
    plain = Added(id=name, name=name.title(), base_url="https://llm.invalid/v1", models=models)
    return plain.with_key(Secret(KEY), vault)


async def kept(database: Database, *providers: Added) -> None:
    async with database.begin() as connection:
        for one in providers:
            await added.put(connection, one, by="admin")


async def test_they_come_back_as_they_were_and_are_no_runtime_settings(database: Database) -> None:
    vault = Vault(OLD)
    one, two = provider(vault), provider(vault, "two")
    await kept(database, one, two)
    async with database.read() as connection:
        found = await added.everything(connection)
        shown = await runtime_settings.everything(connection)
    assert list(found) == ["one", "two"]
    assert (found["one"].models, found["one"].updated_by) == (one.models, "admin")
    assert shown == {}
    tables, problems = added.tables_of(found, vault)
    assert problems == {}
    assert tables["providers"]["one"] == {
        "name": "One", "base_url": "https://llm.invalid/v1", "adapter": "openai_chat", "default_model": "m",
        "api_keys": [KEY],
    }  # fmt: skip
    assert tables["models"]["one/m"] == {"input_cost_per_million": Decimal("0.1"), "capabilities": ["text"]}
    assert tables["models"]["two/n"] == {}


async def test_a_key_that_is_copied_to_another_provider_does_not_open_there() -> None:
    vault = Vault(OLD)
    one, two = provider(vault), provider(vault, "two")
    stolen = Added(id="two", name="Two", base_url="https://evil.invalid", api_key=one.api_key)
    tables, problems = added.tables_of({"two": stolen, "one": one}, vault)
    assert set(tables["providers"]) == {"one"}
    assert "damaged, or belongs elsewhere" in problems["two"]
    assert two.api_key != one.api_key


async def test_keys_are_encrypted_anew_once(database: Database) -> None:
    await kept(database, provider(Vault(OLD)), Added(id="bare", name="Bare", base_url="https://llm.invalid"))
    both = Vault(Secret(f"{NEW.reveal()},{OLD.reveal()}"))
    async with database.begin() as connection:
        assert await added.reseal(connection, both) == 1
        assert await added.reseal(connection, both) == 0
        found = await added.everything(connection)
    tables, problems = added.tables_of(found, Vault(NEW))
    assert (tables["providers"]["one"]["api_keys"], problems) == ([KEY], {})
    assert "one" in added.tables_of(found, Vault(OLD))[1]


async def test_one_that_is_forgotten_takes_what_was_set_of_it_along(database: Database) -> None:
    one, other = provider(Vault(OLD)), provider(Vault(OLD), "one-b")
    await kept(database, one, other)
    keys = ("providers.one.enabled", "models.one/m.name", "providers.one-b.enabled", "routing.deadline")
    async with database.begin() as connection:
        for key in keys:
            await runtime_settings.put(connection, key, 1, by="admin")
        await added.drop(connection, one)
    async with database.read() as connection:
        assert set(await runtime_settings.everything(connection)) == {"providers.one-b.enabled", "routing.deadline"}
        assert set(await added.everything(connection)) == {"one-b"}


@pytest.mark.parametrize("shown", [provider(Vault(OLD)).shown(), repr(Secret(KEY))])
def test_nothing_that_is_shown_holds_the_key(shown: object) -> None:
    assert KEY not in str(shown)
    assert "w1." not in str(shown)
