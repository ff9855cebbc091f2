"""The bodies about keys, users, teams and preferences. What is absent stays as it is; `null` takes it away."""

import datetime
from typing import Annotated, Any, Final, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from wye.core.caller import Scope
from wye.gateway.api.forms import Form

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Id: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
Tag: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100)]
ModelName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=300)]
Moment: TypeAlias = Annotated[datetime.datetime, Meta(tz=True, description="with its time zone")]
_Scopes: TypeAlias = Annotated[list[Scope], Meta(max_length=4)]
_Models: TypeAlias = Annotated[
    list[ModelName], Meta(max_length=1000, description="full ids, other names, aliases, `provider/*`; `null`: all")
]
_Providers: TypeAlias = Annotated[list[Id], Meta(max_length=200, description="ids or aliases; `null`: all")]
_Tags: TypeAlias = Annotated[list[Tag], Meta(max_length=20)]
_Bound: TypeAlias = Annotated[int, Meta(ge=1, le=10**15)]


class LimitsForm(Form, frozen=True, kw_only=True, omit_defaults=True):
    """How much may be asked at most; days begin at midnight, UTC."""

    requests_per_minute: _Bound | None = None
    requests_per_day: _Bound | None = None
    input_tokens_per_minute: _Bound | None = None
    input_tokens_per_day: _Bound | None = None
    output_tokens_per_minute: _Bound | None = None
    output_tokens_per_day: _Bound | None = None
    concurrent_requests: _Bound | None = None


class KeyUpdateForm(Form, frozen=True, kw_only=True):
    """What to change about a key."""

    name: Name | UnsetType = UNSET
    team_id: Id | UnsetType | None = UNSET
    scopes: _Scopes | UnsetType = UNSET
    models: _Models | UnsetType | None = UNSET
    providers: _Providers | UnsetType | None = UNSET
    limits: LimitsForm | UnsetType | None = UNSET
    tags: _Tags | UnsetType = UNSET
    expires_at: Moment | UnsetType | None = UNSET


class KeyForm(KeyUpdateForm, frozen=True, kw_only=True):
    """A key to be given out."""

    user_id: Annotated[Id, Meta(description="whose it is to be; only an admin names somebody else")] | None = None


class UserForm(Form, frozen=True, kw_only=True):
    """A user to be added; `scopes` are all that its keys may have."""

    name: Name
    id: Annotated[Id, Meta(description="a fresh one where it is absent")] | None = None
    email: Annotated[str, Meta(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    team_id: Id | None = None
    scopes: _Scopes = field(default_factory=lambda: ["use", "read", "manage"])


class UserUpdateForm(Form, frozen=True, kw_only=True):
    """What to change about a user; one that is not `enabled` cannot sign in."""

    name: Name | UnsetType = UNSET
    email: Annotated[str, Meta(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | UnsetType | None = UNSET
    team_id: Id | UnsetType | None = UNSET
    scopes: _Scopes | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class TeamForm(Form, frozen=True, kw_only=True):
    """A team to be added."""

    name: Name
    id: Annotated[Id, Meta(description="a fresh one where it is absent")] | None = None


class TeamUpdateForm(Form, frozen=True, kw_only=True):
    """What to change about a team; the members of one that is not `enabled` cannot sign in."""

    name: Name | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class PreferencesForm(Form, frozen=True, kw_only=True):
    """What a user prefers, in place of what it preferred before."""

    preferred_llm_provider: Annotated[str, Meta(description="goes first where a request leaves it open")] | None = None
    enabled_providers: (
        Annotated[list[str], Meta(max_length=200, description="the only ones that answer this user; `null`: all")]
        | None
    ) = None
    strategy: Annotated[str, Meta(description="chooses where a request says nothing of it")] | None = None
    defaults: (
        Annotated[
            dict[str, Any],
            Meta(
                description="where a request says nothing of it: `model` (in the application API), `temperature`, "
                "`maxTokens`; the rest is kept for clients as it is"
            ),
        ]
        | None
    ) = None


FORMS: Final[tuple[type[Form], ...]] = (
    LimitsForm, KeyForm, KeyUpdateForm, UserForm, UserUpdateForm, TeamForm, TeamUpdateForm, PreferencesForm,
)  # fmt: skip
