"""Routes about users, teams, what users prefer, and who changed what."""

from typing import Annotated, Any, Final

from litestar import get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError, PermissionDeniedError, RouteNotFoundError
from wye.gateway.api import people_views as views
from wye.gateway.api.asking import known_provider
from wye.gateway.api.here import Here
from wye.gateway.api.people_forms import PreferencesForm, TeamForm, TeamUpdateForm, UserForm, UserUpdateForm
from wye.identity import preferred
from wye.identity.changing import changed
from wye.identity.directory import HOUSE, user_scopes
from wye.identity.issuing import new_id, owner_of
from wye.routing.strategies import strategy_named
from wye.store import audit, people
from wye.store.database import now_us

_LOOK: Final = {"needs": ("manage", "read", "use")}
_MANAGE: Final = {"needs": ("manage",)}
_ADMIN: Final = {"needs": ("admin",)}
_PAGED: Final = {"after": False, "limit": False}
_Limit = Annotated[int, QueryParameter(ge=1, le=500)]


# --- Users ---


@get("/users", opt={**_ADMIN, "query": _PAGED})
async def list_users(
    here: NamedDependency[Here], after: FromQuery[str | None] = None, limit: _Limit = 100
) -> views.UsersView:
    """List users by their ids."""
    async with here.database.read() as connection:
        found = await people.all_users(connection, after=after or "", limit=limit)
    return views.UsersView(users=[_user(one) for one in found], next=found[-1].id if len(found) == limit else None)


@post("/users", opt=_ADMIN)
async def create_user(here: NamedDependency[Here], data: JSONBody[UserForm]) -> views.UserView:
    """Add a user."""
    now = now_us()
    made = people.User(
        id=data.id or new_id("user"),
        name=data.name,
        email=data.email,
        team_id=data.team_id,
        scopes=tuple(dict.fromkeys(data.scopes)),
        created_at=now,
        updated_at=now,
    )
    async with _or_exists("a user of this id or email"), here.database.begin() as connection:
        await _check_team(connection, data.team_id)
        if not await people.add_user(connection, made):
            raise _exists("a user of this id or email")
        await _tell(connection, here, "create", "user", made.id, after=made)
    return _user(made)


@get("/users/{user_id:str}", opt=_LOOK)
async def show_user(here: NamedDependency[Here], user_id: FromPath[str]) -> views.UserView:
    """Show a user: `me` is the caller itself."""
    async with here.database.read() as connection:
        return _user(await _found_user(connection, here.caller, user_id))


@patch("/users/{user_id:str}", opt=_ADMIN)
async def update_user(
    here: NamedDependency[Here], user_id: FromPath[str], data: JSONBody[UserUpdateForm]
) -> views.UserView:
    """Change a user; one that is switched off cannot sign in any more within two seconds."""
    async with _or_exists("a user of this email"), here.database.begin() as connection:
        before = await _found_user(connection, here.caller, user_id)
        if before.id in HOUSE:
            raise InvalidRequestError(f"the user {before.id!r} stays as it is", param="id")
        said = _said(data, ("name", "email", "team_id", "scopes"))
        await _check_team(connection, said.get("team_id"))
        await people.change_user(connection, before.id, **said, **_switch(data.enabled, before.disabled_at))
        after = await _found_user(connection, here.caller, user_id)
        await _tell(connection, here, "update", "user", before.id, before=before, after=after)
    return _user(after)


# --- Teams ---


@get("/teams", opt={**_ADMIN, "query": _PAGED})
async def list_teams(
    here: NamedDependency[Here], after: FromQuery[str | None] = None, limit: _Limit = 100
) -> views.TeamsView:
    """List teams by their ids."""
    async with here.database.read() as connection:
        found = await people.all_teams(connection, after=after or "", limit=limit)
    return views.TeamsView(
        teams=[views.team_view(one) for one in found], next=found[-1].id if len(found) == limit else None
    )


@post("/teams", opt=_ADMIN)
async def create_team(here: NamedDependency[Here], data: JSONBody[TeamForm]) -> views.TeamView:
    """Add a team."""
    now = now_us()
    made = people.Team(id=data.id or new_id("team"), name=data.name, created_at=now, updated_at=now)
    async with _or_exists("a team of this id or name"), here.database.begin() as connection:
        if not await people.add_team(connection, made):
            raise _exists("a team of this id or name")
        await _tell(connection, here, "create", "team", made.id, after=made)
    return views.team_view(made)


@get("/teams/{team_id:str}", opt=_LOOK)
async def show_team(here: NamedDependency[Here], team_id: FromPath[str]) -> views.TeamView:
    """Show a team: the caller's own, or any to an admin."""
    async with here.database.read() as connection:
        return views.team_view(await _found_team(connection, here.caller, team_id))


@patch("/teams/{team_id:str}", opt=_ADMIN)
async def update_team(
    here: NamedDependency[Here], team_id: FromPath[str], data: JSONBody[TeamUpdateForm]
) -> views.TeamView:
    """Change a team; the members of one that is switched off cannot sign in any more within two seconds."""
    async with _or_exists("a team of this name"), here.database.begin() as connection:
        before = await _found_team(connection, here.caller, team_id)
        said = _said(data, ("name",))
        await people.change_team(connection, team_id, **said, **_switch(data.enabled, before.disabled_at))
        after = await _found_team(connection, here.caller, team_id)
        await _tell(connection, here, "update", "team", team_id, before=before, after=after)
    return views.team_view(after)


# --- Preferences ---

_Whose = Annotated[str | None, QueryParameter(name="userId", description="whose; for admins")]


@get("/preferences", opt={**_LOOK, "query": {"userId": False}})
async def show_preferences(here: NamedDependency[Here], user_id: _Whose = None) -> views.PreferencesView:
    """Show what the caller prefers."""
    owner = _whose(here.caller, user_id)
    async with here.database.read() as connection:
        return views.preferences_view(owner, await people.preferences(connection, owner))


@put("/preferences", opt={**_MANAGE, "query": {"userId": False}})
async def put_preferences(
    here: NamedDependency[Here], data: JSONBody[PreferencesForm], user_id: _Whose = None
) -> views.PreferencesView:
    """Keep what the caller prefers: which provider goes first, which may answer, and what chooses among models."""
    owner, engine = _whose(here.caller, user_id), here.engine
    preferred.checked(data.defaults)
    said = people.Preferences(
        user_id=owner,
        preferred_llm_provider=data.preferred_llm_provider and known_provider(engine, data.preferred_llm_provider).id,
        enabled_providers=None
        if data.enabled_providers is None
        else tuple(dict.fromkeys(known_provider(engine, name).id for name in data.enabled_providers)),
        strategy=data.strategy and strategy_named(data.strategy, "strategy"),
        defaults=data.defaults,
    )
    async with here.database.begin() as connection:
        await _found_user(connection, here.caller, owner)
        before = await people.preferences(connection, owner)
        await people.put_preferences(connection, owner, said)
        await _tell(connection, here, "update", "preferences", owner, before=before, after=said)
    await here.settle()
    return views.preferences_view(owner, said)


# --- Who changed what ---


@get(
    "/audit",
    opt={"needs": ("manage",), "query": {"before": False, "limit": False, "target": False, "targetId": False}},
)
async def list_changes(
    here: NamedDependency[Here],
    before: Annotated[int | None, QueryParameter(ge=0, le=2**63 - 1)] = None,
    limit: _Limit = 100,
    target: Annotated[str | None, QueryParameter(description="`key`, `user`, `team`, `setting`, …")] = None,
    target_id: Annotated[str | None, QueryParameter(name="targetId")] = None,
) -> views.ChangesView:
    """List changes, the latest first: those the caller made; everybody's for an admin."""
    async with here.database.read() as connection:
        found = await audit.page(
            connection, owner_of(here.caller), before_id=before, limit=limit, target=target, target_id=target_id
        )
    return views.ChangesView(
        changes=[views.change_view(one) for one in found], next=found[-1].id if len(found) == limit else None
    )


# --- What they have in common ---


def _user(user: people.User) -> views.UserView:
    return views.user_view(user, sorted(user_scopes(user)))


def _whose(caller: Caller, user_id: str | None) -> str:
    if user_id is not None and user_id != caller.user and not caller.may("admin"):
        raise PermissionDeniedError("only an admin looks after other users", param="userId")
    return user_id or caller.user


async def _found_user(connection: AsyncConnection, caller: Caller, user_id: str) -> people.User:
    name = caller.user if user_id == "me" else user_id
    mine = owner_of(caller)
    found = await people.user(connection, name) if mine in {None, name} else None
    if found is None:
        raise RouteNotFoundError(f"there is no user {user_id!r}", code="user_not_found", param="id")
    return found


async def _found_team(connection: AsyncConnection, caller: Caller, team_id: str) -> people.Team:
    found = await people.team(connection, team_id) if caller.may("admin") or caller.team == team_id else None
    if found is None:
        raise RouteNotFoundError(f"there is no team {team_id!r}", code="team_not_found", param="id")
    return found


async def _check_team(connection: AsyncConnection, team_id: str | None) -> None:
    if team_id is not None and await people.team(connection, team_id) is None:
        raise InvalidRequestError(f"there is no team {team_id!r}", code="unknown_team", param="teamId")


def _said(form: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(form, name)) is not UNSET}


def _switch(enabled: Any, disabled_at: int | None) -> dict[str, int | None]:
    if enabled is UNSET:
        return {}
    return {"disabled_at": None if enabled else disabled_at or now_us()}


async def _tell(connection: AsyncConnection, here: Here, action: str, target: str, name: str, **what: Any) -> None:
    await changed(connection, here.caller, action, target, name, request_id=here.request.id, **what)


class _or_exists:  # noqa: N801 - reads as what it is used as
    """Turns a broken constraint into an error that says what is there already."""

    def __init__(self, what: str) -> None:
        self._what = what

    async def __aenter__(self) -> None:
        """Begin."""

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        """Translate."""
        if isinstance(error, IntegrityError):
            raise _exists(self._what) from None


def _exists(what: str) -> InvalidRequestError:
    return InvalidRequestError(f"there is {what} already", code="already_exists")


HANDLERS: Final = (
    list_users, create_user, show_user, update_user, list_teams, create_team, show_team, update_team,
    show_preferences, put_preferences, list_changes,
)  # fmt: skip
