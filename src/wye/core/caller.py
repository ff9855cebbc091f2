"""Who asks: what sign-in found out, as everything after it sees it."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Scope: TypeAlias = Literal["admin", "manage", "use", "read"]
SCOPES: Final[frozenset[Scope]] = frozenset({"admin", "manage", "use", "read"})


class Caller(Struct, frozen=True, kw_only=True):
    """One caller of the gateway or the library.

    `user` owns whatever the request leaves behind: every row, every cache entry, every stored answer. `key` is the id
    of the virtual key that was shown, never the key itself. `scopes` say what may be done: `use` asks models, `read`
    reads what belongs to the user, `manage` changes what belongs to the user or team, `admin` everything. `models` are
    full ids or names a caller may ask for and `providers` those that may answer; `None` is all. `tags` go onto every
    record.
    """

    user: str
    key: str | None = None
    team: str | None = None
    name: str = ""
    scopes: frozenset[Scope] = SCOPES
    models: frozenset[str] | None = None
    providers: frozenset[str] | None = None
    tags: tuple[str, ...] = ()
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
