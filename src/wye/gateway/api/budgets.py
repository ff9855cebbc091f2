"""Routes about budgets: everything for admins; for others, how those stand that their own requests count against."""

import datetime
import secrets
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Final

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError, RouteNotFoundError
from wye.core.limits import Budget, BudgetScope
from wye.core.periods import runs_out
from wye.core.record import PICO_PER_USD
from wye.gateway.api.budget_forms import BudgetForm, BudgetUpdateForm
from wye.gateway.api.here import Here
from wye.gateway.api.people_views import moment
from wye.gateway.api.views import View
from wye.ledger.config import BudgetSettings
from wye.store import audit, budgets, changes
from wye.store.database import now_us

_LOOK: Final = {"needs": ("manage", "read")}
_FILTERS: Final = {"scope": False, "target": False}
_WARN_AT: Final = (0.8,)


class BudgetView(View, frozen=True, kw_only=True):
    """A budget and how it stands in its period; money is USD, times are RFC 3339 in UTC.

    `spent` includes `unknown`: what requests of unknown cost had set aside. `leased` is what gateways have in hand and
    have not spent. `runsOutAt` is when it will be used up if it goes on like this, `null` where it lasts.
    """

    id: str
    name: str
    scope: str
    target: str
    amount: float
    period: str
    hard: bool
    warn_at: Sequence[float]
    source: str
    spent: float
    unknown: float
    leased: float
    left: float
    starts_at: datetime.datetime | None
    resets_at: datetime.datetime | None
    runs_out_at: datetime.datetime | None
    created_at: datetime.datetime


class BudgetsView(View, frozen=True, kw_only=True):
    """Budgets."""

    budgets: Sequence[BudgetView]


class DroppedView(View, frozen=True, kw_only=True):
    """What was deleted."""

    id: str
    deleted: bool


@get("/", opt={**_LOOK, "query": _FILTERS})
async def list_budgets(
    here: NamedDependency[Here],
    of: Annotated[BudgetScope | None, QueryParameter(name="scope", description="whose: a key's, a user's …")] = None,
    target: Annotated[str | None, QueryParameter(name="target", description="its id")] = None,
) -> BudgetsView:
    """List budgets with what was spent, what is left, and when they begin anew or run out."""
    async with here.database.read() as connection:
        found = [
            one
            for one in await budgets.all_in_force(connection)
            if _may_see(here.caller, one) and of in {None, one.scope} and target in {None, one.target}
        ]
        return BudgetsView(budgets=await _views(connection, found))


@post("/")
async def create_budget(here: NamedDependency[Here], data: JSONBody[BudgetForm]) -> BudgetView:
    """Write a budget down; it holds on every gateway within two seconds.

    One of a day, a week or a month begins with what was spent in that period already, a total with nothing.
    """
    warn_at = _WARN_AT if data.warn_at is None else tuple(data.warn_at)
    facts = structs.asdict(data) | {"warn_at": warn_at, "amount": Decimal(str(data.amount))}
    try:
        made = BudgetSettings(**facts).budget()
    except ValueError as error:
        raise InvalidRequestError(str(error), code="invalid_value", param="target") from None
    budget = structs.replace(made, id=f"bud_{secrets.token_hex(8)}", source="api")
    async with here.database.begin() as connection:
        await _put(here, connection, budget, None)
        return await _shown(connection, budget.id)


@get("/{budget_id:str}", opt=_LOOK)
async def show_budget(here: NamedDependency[Here], budget_id: FromPath[str]) -> BudgetView:
    """Show a budget and how it stands."""
    async with here.database.read() as connection:
        found = await _found(connection, here.caller, budget_id)
        return (await _views(connection, [found]))[0]


@patch("/{budget_id:str}")
async def update_budget(
    here: NamedDependency[Here], budget_id: FromPath[str], data: JSONBody[BudgetUpdateForm]
) -> BudgetView:
    """Change a budget; it holds on every gateway within two seconds."""
    said: dict[str, Any] = {name: value for name, value in structs.asdict(data).items() if value is not UNSET}
    if "amount" in said:
        said["amount"] = round(Decimal(str(said["amount"])) * PICO_PER_USD)
    if "warn_at" in said:
        said["warn_at"] = tuple(said["warn_at"])
    async with here.database.begin() as connection:
        before = await _changeable(connection, here.caller, budget_id)
        await _put(here, connection, structs.replace(before, **said), before)
        return await _shown(connection, budget_id)


@delete("/{budget_id:str}", status_code=200)
async def delete_budget(here: NamedDependency[Here], budget_id: FromPath[str]) -> DroppedView:
    """Forget a budget and what was spent of it."""
    async with here.database.begin() as connection:
        before = await _changeable(connection, here.caller, budget_id)
        await budgets.drop(connection, budget_id)
        await changes.announce(connection, budgets.TOPIC)
        await audit.add(
            connection, here.caller, "delete", "budget", budget_id, before=before, request_id=here.request.id
        )
    return DroppedView(id=budget_id, deleted=True)


async def _put(here: Here, connection: AsyncConnection, budget: Budget, before: Budget | None) -> None:
    await budgets.put(connection, budget)
    await changes.announce(connection, budgets.TOPIC)
    action = "create" if before is None else "update"
    await audit.add(
        connection,
        here.caller,
        action,
        "budget",
        budget.id,
        before=before,
        after=budget,
        request_id=here.request.id,
    )


async def _found(connection: AsyncConnection, caller: Caller, budget_id: str) -> Budget:
    found = await budgets.get(connection, budget_id) if "\0" not in budget_id else None
    if found is None or not _may_see(caller, found):
        raise RouteNotFoundError(f"there is no budget {budget_id[:80]!r}")
    return found


async def _changeable(connection: AsyncConnection, caller: Caller, budget_id: str) -> Budget:
    found = await _found(connection, caller, budget_id)
    if found.source == "file":
        message = "this budget is in the settings file: change it there, under [[budgets]]"
        raise InvalidRequestError(message, code="read_only", param="budgetId")
    return found


def _may_see(caller: Caller, budget: Budget) -> bool:
    own = {("key", caller.key), ("user", caller.user), ("team", caller.team)}
    return caller.may("admin") or (budget.scope, budget.target) in own


async def _shown(connection: AsyncConnection, budget_id: str) -> BudgetView:
    found = await budgets.get(connection, budget_id)
    if found is None:
        raise RouteNotFoundError(f"there is no budget {budget_id!r}")
    return (await _views(connection, [found]))[0]


async def _views(connection: AsyncConnection, found: Sequence[Budget]) -> list[BudgetView]:
    now = now_us()
    standings = await budgets.standings(connection, found, now)
    return [_view(budget, standings[budget.id], now) for budget in found]


def _view(budget: Budget, standing: budgets.Standing, now: int) -> BudgetView:
    spent = standing.spent + standing.reserved
    left = max(0, budget.amount - spent)
    starts_at = standing.starts_at or budget.created_at
    return BudgetView(
        id=budget.id,
        name=budget.name,
        scope=budget.scope,
        target=budget.target,
        amount=_usd(budget.amount),
        period=budget.period,
        hard=budget.hard,
        warn_at=budget.warn_at,
        source=budget.source,
        spent=_usd(spent),
        unknown=_usd(standing.reserved),
        leased=_usd(standing.leased),
        left=_usd(left),
        starts_at=_moment(starts_at),
        resets_at=_moment(standing.ends_at),
        runs_out_at=_moment(runs_out(spent, left, starts_at, standing.ends_at, now)),
        created_at=moment(budget.created_at),
    )


def _usd(pico: int) -> float:
    return pico / PICO_PER_USD


def _moment(at: int | None) -> datetime.datetime | None:
    return None if at is None else moment(at)


HANDLERS: Final = (list_budgets, create_budget, show_budget, update_budget, delete_budget)
