"""`wye db upgrade` and `wye db check`."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import typer
from rich.text import Text

from wye import catalog
from wye.cli.models import AsJson
from wye.cli.output import Column, console, fail, print_json, print_table
from wye.cli.running import run
from wye.cli.serve import Config
from wye.config import load_settings
from wye.core.errors import ConfigurationError, WyeError

if TYPE_CHECKING:
    from wye.store.database import Database
    from wye.store.upgrade import Checked

_SAYS: Final = {
    "current": "ready: its tables are this program's",
    "ahead": "usable: a newer wye has upgraded it",
    "behind": "older than this program: run 'wye db upgrade'",
    "empty": "there is nothing in it yet: run 'wye db upgrade'",
    "newer": "newer than this program can use: run a newer wye",
    "foreign": "holds tables that are not Wye's: point store.url at a database of its own",
}


_GOOD: Final = frozenset({"current", "ahead"})


def upgrade(*, config: Config = None, as_json: AsJson = False) -> None:
    """Bring the database to this program's tables; `wye serve` does the same when it starts.

    Example: wye db upgrade --config wye.toml
    """
    from wye.store.upgrade import upgrade as bring

    before = _asked(config, bring)
    done = before.condition not in _GOOD
    if as_json:
        now = before.head if done else before.revision
        print_json({"database": before.database, "before": before.revision, "now": now, "upgraded": done})
        return
    said = f"upgraded from {before.revision or 'nothing'} to {before.head}" if done else _SAYS[before.condition]
    console.print(f"[green]ok[/] {before.database}: {said}", highlight=False, soft_wrap=True)


def check(*, config: Config = None, as_json: AsJson = False) -> None:
    """Say what the database is like and change nothing; exit status 1 where this program cannot use it as it is.

    Example: wye db check
    """
    from wye.store.upgrade import check as look

    found = _asked(config, look)
    if as_json:
        print_json(found)
    else:
        colour = "green" if found.condition in _GOOD else "red"
        rows: list[tuple[str, str | Text]] = [
            ("database", found.database),
            ("revision", found.revision or "–"),
            ("this program", found.head),
            ("condition", Text(found.condition, colour)),
            ("", _SAYS[found.condition]),
            *(("not Wye's", name) for name in found.foreign),
        ]
        print_table((Column("what"), Column("is", text="wrapped")), rows, titled=False)
    if found.condition not in _GOOD:
        raise typer.Exit(1)


def _asked(config: Config, ask: "Callable[[Database], Awaitable[Checked]]") -> "Checked":
    from wye.store.database import Database

    async def opened() -> "Checked":
        database = Database(settings.store)
        try:
            return await ask(database)
        finally:
            await database.aclose()

    try:
        settings = load_settings(catalog.load(), path=config, reads_database_url=True)
        if settings.store.is_memory:
            raise ConfigurationError(
                "store.url is memory://, which keeps nothing: there is no database", param="store.url"
            )
        return run(opened())
    except WyeError as error:
        fail(error)
