"""Who asks: what sign-in found out, as everything after it sees it."""

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

Scope: TypeAlias = Literal["admin", "manage", "use", "read"]
SCOPES: Final[frozenset[Scope]] = frozenset({"admin", "manage", "use", "read"})


_Bound: TypeAlias = Annotated[int, Meta(ge=1, le=10**15)]


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much may be asked at most; `None` is no limit. Days begin at midnight, UTC."""

    requests_per_minute: _Bound | None = None
    requests_per_day: _Bound | None = None
    input_tokens_per_minute: _Bound | None = None
    input_tokens_per_day: _Bound | None = None
    output_tokens_per_minute: _Bound | None = None
    output_tokens_per_day: _Bound | None = None
    concurrent_requests: _Bound | None = None


class Caller(Struct, frozen=True, kw_only=True):
    """One caller of the gateway or the library.

    `user` owns whatever the request leaves behind: every row, every cache entry, every stored answer. `key` is the id
    of the virtual key that was shown, never the key itself. `scopes` say what may be done: `use` asks models, `read`
    reads what belongs to the user, `manage` changes what belongs to the user or team, `admin` everything. `models` are
    full ids or names a caller may ask for and `providers` those that may answer; `None` is all. `tags` go onto every
    record, `limits` are the key's own. `preferred` is the provider, by its id, that goes first where a request leaves
    that open, and `strategy` what chooses then; `default_model` is asked where the application API is told no model,
    `temperature` and `max_tokens` hold where a request says nothing of them.
    """

    user: str
    key: str | None = None
    team: str | None = None
    name: str = ""
    scopes: frozenset[Scope] = SCOPES
    models: frozenset[str] | None = None
    providers: frozenset[str] | None = None
    tags: tuple[str, ...] = ()
    limits: Limits | None = None
    preferred: str | None = None
    strategy: str | None = None
    default_model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    via: Literal["admin_key", "virtual_key", "session", "open", "library"] = "virtual_key"

    def may(self, scope: Scope) -> bool:
        """Tell whether this caller has a scope; `admin` has all of them."""
        return scope in self.scopes or "admin" in self.scopes


LOCAL: Final = Caller(user="local", name="this machine", via="open")
"""Whoever asks a gateway without keys, which is open to this machine alone."""
ADMIN: Final = Caller(user="admin", name="admin", via="admin_key")
"""Who shows the admin key."""
LIBRARY: Final = Caller(user="local", name="this program", via="library")
"""The program itself, where it uses the library."""
