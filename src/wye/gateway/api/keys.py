"""Routes about virtual keys: everybody's for admins, its own for a caller that may manage them."""

from typing import Annotated, Any, Final

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType, to_builtins

from wye.core.caller import Limits
from wye.gateway.api.asking import known_provider
from wye.gateway.api.here import Here
from wye.gateway.api.people_forms import KeyForm, KeyUpdateForm, LimitsForm
from wye.gateway.api.people_views import NewVirtualKeyView, VirtualKeysView, VirtualKeyView, key_members
from wye.identity import issuing
from wye.store import people
from wye.store.database import now_us

LOOK: Final = {"needs": ("manage", "read")}
MANAGE: Final = {"needs": ("manage",)}
_LIST: Final = {"after": False, "limit": False, "userId": False, "teamId": False}


@get("/", opt={**LOOK, "query": _LIST})
async def list_keys(
    here: NamedDependency[Here],
    after: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    user_id: Annotated[str | None, QueryParameter(name="userId", description="whose; for admins")] = None,
    team_id: Annotated[str | None, QueryParameter(name="teamId")] = None,
) -> VirtualKeysView:
    """List keys, the oldest first: the caller's own; everybody's for an admin."""
    owner = issuing.owner_of(here.caller) or user_id
    async with here.database.read() as connection:
        found = await people.all_keys(connection, owner, after=after or "", limit=limit, team_id=team_id)
    return VirtualKeysView(keys=[_view(key) for key in found], next=found[-1].id if len(found) == limit else None)


@post("/", opt=MANAGE)
async def create_key(here: NamedDependency[Here], data: JSONBody[KeyForm]) -> NewVirtualKeyView:
    """Give out a key; the answer is the only place where it is ever shown."""
    async with here.database.begin() as connection:
        made = await issuing.create(
            connection, here.caller, _wanted(here, data, data.user_id), here.vault, request_id=here.request.id
        )
    return NewVirtualKeyView(**key_members(made.key, now_us()), key=made.secret.reveal())


@get("/{key_id:str}", opt=LOOK)
async def show_key(here: NamedDependency[Here], key_id: FromPath[str]) -> VirtualKeyView:
    """Show a key, without itself."""
    async with here.database.read() as connection:
        return _view(await issuing.found(connection, here.caller, key_id))


@patch("/{key_id:str}", opt=MANAGE)
async def update_key(
    here: NamedDependency[Here], key_id: FromPath[str], data: JSONBody[KeyUpdateForm]
) -> VirtualKeyView:
    """Change what a key may do; it holds everywhere within two seconds."""
    async with here.database.begin() as connection:
        wanted = _wanted(here, data)
        return _view(await issuing.update(connection, here.caller, key_id, wanted, request_id=here.request.id))


@delete("/{key_id:str}", status_code=200, opt=MANAGE)
async def revoke_key(here: NamedDependency[Here], key_id: FromPath[str]) -> VirtualKeyView:
    """Revoke a key for good; it opens nothing any more within two seconds, anywhere."""
    async with here.database.begin() as connection:
        return _view(await issuing.revoke(connection, here.caller, key_id, request_id=here.request.id))


@post("/{key_id:str}/rotate", status_code=200, opt=MANAGE)
async def rotate_key(here: NamedDependency[Here], key_id: FromPath[str]) -> NewVirtualKeyView:
    """Replace a key by a new one of the same rights; the old one opens nothing any more within two seconds."""
    async with here.database.begin() as connection:
        made = await issuing.rotate(connection, here.caller, key_id, here.vault, request_id=here.request.id)
    return NewVirtualKeyView(**key_members(made.key, now_us()), key=made.secret.reveal())


def _view(key: people.Key) -> VirtualKeyView:
    return VirtualKeyView(**key_members(key, now_us()))


def _wanted(here: Here, form: KeyUpdateForm, user: str | None = None) -> issuing.Wanted:
    providers: Any = form.providers
    if isinstance(providers, list):
        providers = tuple(dict.fromkeys(known_provider(here.engine, name).id for name in providers))
    expires: Any = form.expires_at
    return issuing.Wanted(
        name=form.name,
        user=user,
        team=form.team_id,
        scopes=_tuple(form.scopes),
        models=_tuple(form.models),
        providers=providers,
        limits=_limits(form.limits),
        tags=_tuple(form.tags),
        expires_at=expires if expires is None or expires is UNSET else round(expires.timestamp() * 1e6),
    )


def _limits(form: LimitsForm | UnsetType | None) -> Limits | UnsetType | None:
    if not isinstance(form, LimitsForm):
        return form
    return Limits(**{name: getattr(form, name) for name in form.__struct_fields__})


def _tuple(names: Any) -> Any:
    return tuple(dict.fromkeys(to_builtins(names))) if isinstance(names, list) else names


HANDLERS: Final = (list_keys, create_key, show_key, update_key, revoke_key, rotate_key)
