"""`wye keys`: virtual keys, straight in the store; and encrypting anew what users brought along."""

import datetime
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from wye import catalog
from wye.cli.models import AsJson
from wye.cli.output import Column, console, fail, print_json, print_table
from wye.cli.running import run
from wye.cli.serve import Config
from wye.config import load_settings
from wye.core.caller import ADMIN
from wye.core.errors import ConfigurationError, WyeError
from wye.identity.vault import Vault

if TYPE_CHECKING:
    from wye.store.database import Database

_T = TypeVar("_T")
_AT_ONCE = 100
_DAY_US = 24 * 3600 * 1_000_000


def create(  # noqa: PLR0913 - one option for each thing a key may be
    *,
    name: Annotated[str, typer.Option(help="what it is for")] = "",
    user: Annotated[str, typer.Option(help="whose it is, by id")] = "admin",
    team: Annotated[str | None, typer.Option(help="by id")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="admin, manage, use, read; repeatable")] = None,
    model: Annotated[list[str] | None, typer.Option(help="a model it may ask; repeatable")] = None,
    provider: Annotated[list[str] | None, typer.Option(help="a provider that may answer; repeatable")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="goes onto every record; repeatable")] = None,
    days: Annotated[float | None, typer.Option(min=0.001, help="until it expires")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Give out a key; it is shown this once.

    Example: wye keys create --name "nightly batch" --scope use --model "openai/*" --days 90
    """
    from msgspec import UNSET

    from wye.identity import issuing
    from wye.store.database import now_us

    async def make(database: "Database", vault: Vault) -> issuing.Issued:
        wanted = issuing.Wanted(
            name=name,
            user=user,
            team=team,
            scopes=tuple(scope) if scope else UNSET,
            models=tuple(model) if model else None,
            providers=tuple(provider) if provider else None,
            tags=tuple(tag or ()),
            expires_at=None if days is None else now_us() + round(days * _DAY_US),
        )
        async with database.begin() as connection:
            return await issuing.create(connection, ADMIN, wanted, vault)

    made = _asked(config, make)
    if as_json:
        print_json({**issuing.shown(made.key), "key": made.secret.reveal()})
        return
    console.print(made.secret.reveal(), highlight=False, soft_wrap=True)
    console.print(f"[dim]{made.key.id}: keep it, it is not shown again[/]", highlight=False, soft_wrap=True)


def list_keys(
    *, user: Annotated[str | None, typer.Option(help="whose")] = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List keys, without themselves.

    Example: wye keys list --user ada
    """
    from wye.identity import issuing
    from wye.store import people
    from wye.store.database import now_us

    async def ask(database: "Database", _: Vault) -> list[people.Key]:
        found: list[people.Key] = []
        async with database.read() as connection:
            while page := await people.all_keys(connection, user, after=found[-1].id if found else ""):
                found += page
        return found

    found, now = _asked(config, ask), now_us()
    if as_json:
        more = ("created_at", "last_used_at")
        print_json(
            [
                {**issuing.shown(key), "status": _status(key, now), **{name: getattr(key, name) for name in more}}
                for key in found
            ]
        )
        return
    columns = (*map(Column, ("id", "prefix", "name", "user", "team", "scopes", "status")), Column("last used", 1))
    rows: list[Any] = [
        (
            key.id,
            key.prefix,
            key.name,
            key.user_id,
            key.team_id or "–",
            ", ".join(key.scopes),
            _status(key, now),
            _day(key.last_used_at),
        )
        for key in found
    ]
    print_table(columns, rows)


def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID")], *, config: Config = None, as_json: AsJson = False
) -> None:
    """Revoke a key for good; running gateways hear of it within two seconds.

    Example: wye keys revoke key_0660cb3364537570abe11c
    """
    from wye.identity import issuing

    async def close(database: "Database", _: Vault) -> str:
        async with database.begin() as connection:
            return (await issuing.revoke(connection, ADMIN, key_id)).id

    done = _asked(config, close)
    if as_json:
        print_json({"id": done, "status": "revoked"})
    else:
        console.print(f"[green]ok[/] {done} is revoked", highlight=False)


def rotate_secret(*, config: Config = None, as_json: AsJson = False) -> None:
    """Encrypt everything with the first key of WYE_SECRET_KEY; put the new one in front of the old, with a comma.

    Example: WYE_SECRET_KEY="$NEW,$OLD" wye keys rotate-secret
    """
    from wye.identity import added
    from wye.identity.brought import place
    from wye.identity.pepper import reseal_pepper
    from wye.store import brought

    async def again(database: "Database", vault: Vault) -> dict[str, int]:
        vault.require("what is encrypted")
        counts: dict[str, int] = {}
        for table in brought.SEALED:
            after, done = "", 0
            while True:
                async with database.begin() as connection:
                    rows = await brought.sealed(connection, table, after=after, limit=_AT_ONCE)
                    for row_id, owner, sealed in rows:
                        if not vault.is_current(sealed):
                            where = place(table, owner, row_id)
                            new = vault.seal(vault.open(sealed, where), where)
                            done += await brought.reseal(connection, table, row_id, before=sealed, after=new)
                if not rows:
                    break
                after = rows[-1][0]
                if not as_json:
                    console.print(f"{table.name}: {done} encrypted anew", highlight=False)
            counts[table.name] = done
        async with database.begin() as connection:
            counts["keys of added providers"] = await added.reseal(connection, vault)
            counts["secret of virtual keys"] = int(await reseal_pepper(connection, vault))
        return counts

    counts = _asked(config, again)
    if as_json:
        print_json(counts)
    else:
        said = ", ".join(f"{name} {count}" for name, count in counts.items())
        console.print(f"[green]ok[/] {said}: the old keys may be taken out of WYE_SECRET_KEY", highlight=False)


def _day(at: int | None) -> str:
    return "never" if at is None else f"{datetime.datetime.fromtimestamp(at / 1e6, datetime.UTC):%Y-%m-%d}"


def _status(key: Any, now: int) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


def _asked(config: Config, ask: "Callable[[Database, Vault], Awaitable[_T]]") -> _T:
    from wye.store.database import Database
    from wye.store.opened import prepare

    async def opened() -> _T:
        await prepare(settings.store)
        database = Database(settings.store)
        try:
            return await ask(database, Vault(settings.identity.secret_key))
        finally:
            await database.aclose()

    try:
        settings = load_settings(catalog.load(), path=config, reads_database_url=True)
        if settings.store.is_memory:
            raise ConfigurationError("store.url is memory://, which keeps no keys", param="store.url")
        return run(opened())
    except WyeError as error:
        fail(error)
