"""`wye budgets` and `wye limits`: the rules in force, those of the settings and those that were written down since."""

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.text import Text

from wye import catalog
from wye.cli.models import AsJson
from wye.cli.output import Column, Row, console, fail, figure, print_json, print_table
from wye.cli.serve import Config
from wye.cli.usage import bar, usd, with_store
from wye.config import Settings, load_settings
from wye.core.errors import WyeError
from wye.core.limits import MEASURES, Budget, Limit, Limits
from wye.core.periods import runs_out
from wye.core.record import PICO_PER_USD

if TYPE_CHECKING:
    from wye.store.budgets import Standing
    from wye.store.database import Database

_BUDGETS: Final = (
    Column("of"),
    Column("period"),
    Column("spent", right=True),
    Column("amount", right=True),
    Column("", 1),
    Column("left", right=True),
    Column("used up", 1),
    Column("when over", 2),
    Column("id", 3),
)
_COLORS: Final = ((1.0, "red"), (0.8, "yellow"), (0.0, "green"))


def budgets(*, config: Config = None, as_json: AsJson = False) -> None:
    """List budgets: what was spent of them, what is left, and when that is used up at today's pace.

    Example: wye budgets
    """

    async def read(database: "Database") -> "list[tuple[Budget, Standing]]":
        from wye.store import budgets as written
        from wye.store.database import now_us

        async with database.read() as connection:
            found = await written.all_in_force(connection)
            known = {budget.id for budget in found}
            # Those that the settings have had since the last gateway ran are not written down yet.
            found += [budget for budget in settings.budgets if budget.id not in known]
            standings = await written.standings(connection, found, now_us())
        return [(budget, standings[budget.id]) for budget in found]

    settings = _settings(config)
    rows = with_store(config, read)
    if as_json:
        print_json([_plain(*row) for row in rows])
    elif not rows:
        console.print("no budgets; [[budgets]] in the settings or POST /api/budgets makes one", markup=False)
    else:
        print_table(_BUDGETS, [_row(*row) for row in rows])


def _facts(budget: Budget, standing: "Standing") -> tuple[int, int, int | None]:
    """Return what was spent, what is left (picodollars), and when it is used up (microseconds since the epoch)."""
    from wye.store.database import now_us

    spent = standing.spent + standing.reserved
    left = max(0, budget.amount - spent)
    starts_at = standing.starts_at or budget.created_at
    return spent, left, runs_out(spent, left, starts_at, standing.ends_at, now_us())


def _row(budget: Budget, standing: "Standing") -> Row:
    spent, left, at = _facts(budget, standing)
    share = spent / budget.amount if budget.amount else 1.0
    color = next(color for bound, color in _COLORS if share >= bound)
    return (
        _whose(budget.scope, budget.target),
        budget.period,
        usd(spent),
        usd(budget.amount),
        Text(bar(spent, budget.amount), color),
        usd(left),
        "now" if left == 0 else _day(at),
        "refuses" if budget.hard else "warns",
        budget.id,
    )


def _plain(budget: Budget, standing: "Standing") -> dict[str, Any]:
    spent, left, at = _facts(budget, standing)
    return {
        "id": budget.id,
        "name": budget.name,
        "scope": budget.scope,
        "target": budget.target,
        "period": budget.period,
        "hard": budget.hard,
        "source": budget.source,
        "amount_usd": Decimal(budget.amount) / PICO_PER_USD,
        "spent_usd": Decimal(spent) / PICO_PER_USD,
        "left_usd": Decimal(left) / PICO_PER_USD,
        "resets_at": _time(standing.ends_at),
        "runs_out_at": _time(at),
    }


def limits(*, config: Config = None, as_json: AsJson = False) -> None:
    """List rate limits: those of the settings, and those written down for users, teams and keys.

    Example: wye limits
    """

    async def read(database: "Database") -> list[tuple[Limit, str]]:
        from wye.store import limits as written
        from wye.store import people

        async with database.read() as connection:
            found = [(limit, "api") for limit in await written.all_in_force(connection)]
            after = ""
            while page := await people.all_keys(connection, None, after=after):
                after = page[-1].id
                found += [
                    (Limit(scope="key", target=key.id, limits=msgspec.convert(key.limits, Limits)), "api")
                    for key in page
                    if key.limits and key.revoked_at is None
                ]
        return found

    settings = _settings(config)
    kept = with_store(config, read) if not settings.store.is_memory else []
    rows = [*((limit, "file") for limit in settings.limits), *kept]
    if as_json:
        print_json([_limit(limit, source) for limit, source in rows])
    elif not rows:
        console.print("no limits; [[limits]] in the settings or PUT /api/limits/users/<id> makes one", markup=False)
    else:
        print_table((Column("of"), Column("at most", text="wrapped"), Column("from", 1)), list(_lines(rows)))


def _lines(rows: Sequence[tuple[Limit, str]]) -> Sequence[Row]:
    return [
        (_whose(limit.scope, limit.target), ", ".join(_words(limit.limits)), "settings" if source == "file" else source)
        for limit, source in rows
    ]


def _words(limits: Limits) -> list[str]:
    found = []
    for name, measure, period in MEASURES:
        if (value := getattr(limits, name)) is not None:
            what = measure.replace("_", " ")
            found.append(f"{figure(value)} {what}" if period == "total" else f"{figure(value)} {what} a {period}")
    return found


def _limit(limit: Limit, source: str) -> dict[str, Any]:
    return {"scope": limit.scope, "target": limit.target, "source": source, **msgspec.to_builtins(limit.limits)}


def _whose(scope: str, target: str) -> str:
    if scope == "global":
        return "everybody"
    return f"each {scope}" if target == "*" else f"{scope} {target}"


def _day(at: int | None) -> str:
    return "lasts" if at is None else f"{datetime.datetime.fromtimestamp(at / 1e6, datetime.UTC):%Y-%m-%d %H:%M}"


def _time(at: int | None) -> str | None:
    return None if at is None else datetime.datetime.fromtimestamp(at // 10**6, datetime.UTC).isoformat()


def _settings(config: Config) -> Settings:
    try:
        return load_settings(catalog.load(), path=config, reads_database_url=True)
    except WyeError as error:
        fail(error)
