"""Routes about rate limits: what holds for a caller and what is left, and what is written down for users and teams."""

import datetime
from collections.abc import Sequence
from typing import Final

from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import to_builtins

from wye.core.errors import RouteNotFoundError
from wye.core.limits import Limit, Limits, LimitScope
from wye.gateway.api.here import Here
from wye.gateway.api.people_forms import LimitsForm
from wye.gateway.api.people_views import limits_shown, moment
from wye.gateway.api.views import View
from wye.ledger.limiter import Limiter
from wye.store import audit, changes, limits
from wye.store.database import now_us


class LimitView(View, frozen=True, kw_only=True):
    """A limit and how it stands, as far as this gateway knows; `resetsAt` is `null` for what is under way at a time."""

    scope: str
    target: str
    measure: str
    period: str | None
    limit: int
    left: int
    resets_at: datetime.datetime | None


class LimitsView(View, frozen=True, kw_only=True):
    """The limits that hold for whoever asks, whatever model is asked."""

    limits: Sequence[LimitView]


class WrittenLimitsView(View, frozen=True, kw_only=True):
    """What is written down for a user or a team."""

    scope: str
    target: str
    limits: dict[str, int]


@get("/", opt={"needs": ("use", "manage", "read")})
async def show_limits(here: NamedDependency[Here]) -> LimitsView:
    """Show the limits that hold for the caller, and what is left of them."""
    allowances = here.engine.books.allowances
    if not isinstance(allowances, Limiter):
        return LimitsView(limits=[])
    now = now_us()
    found = []
    for line in allowances.lines_of(here.caller):
        if line.counts == "money":
            continue
        standing = line.current(now)
        ends_at = standing.ends_at
        found.append(
            LimitView(
                scope=line.place[0],
                target=line.place[1],
                measure=line.counts,
                period=None if ends_at is None else line.period,
                limit=line.amount,
                left=min(line.amount, standing.left),
                resets_at=None if ends_at is None else moment(ends_at),
            )
        )
    return LimitsView(limits=found)


@put("/users/{user_id:str}", status_code=200)
async def put_user_limits(
    here: NamedDependency[Here], user_id: FromPath[str], data: JSONBody[LimitsForm]
) -> WrittenLimitsView:
    """Write down the limits of a user, of all its keys together, in the place of those there were."""
    return await _put(here, "user", user_id, data)


@put("/teams/{team_id:str}", status_code=200)
async def put_team_limits(
    here: NamedDependency[Here], team_id: FromPath[str], data: JSONBody[LimitsForm]
) -> WrittenLimitsView:
    """Write down the limits of a team, of all its members together, in the place of those there were."""
    return await _put(here, "team", team_id, data)


async def _put(here: Here, scope: LimitScope, target: str, data: LimitsForm) -> WrittenLimitsView:
    said = Limits(**{name: getattr(data, name) for name in data.__struct_fields__})
    async with here.database.begin() as connection:
        before = None
        if "\0" not in target:
            before = await limits.put(connection, Limit(scope=scope, target=target, limits=said))
        if before is None:
            raise RouteNotFoundError(f"there is no {scope} {target[:80]!r}")
        await changes.announce(connection, limits.TOPIC)
        await audit.add(
            connection, here.caller, "update", scope, target, before=before, after=said, request_id=here.request.id
        )
    return WrittenLimitsView(scope=scope, target=target, limits=limits_shown(to_builtins(said)))


HANDLERS: Final = (show_limits, put_user_limits, put_team_limits)
