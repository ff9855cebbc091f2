"""The `[cache]` section."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from wye.core.secret import Secret
from wye.state.config import MEMORY, StateConfig

_YEAR = 365 * 24 * 3600


class CacheConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether answers are kept, for how long, and where; `ttl` is seconds.

    A request that is the same, asked of the same model by the same user, gets the answer that is kept. With
    `share = "team"` users of a team get each other's answers. `max_entry_bytes` bounds one answer, and what a stream
    takes while it is recorded; `max_bytes` all that is kept in memory, where what nobody used for the longest time goes
    first. `url` is `memory://`, or a Redis or Valkey (which has limits of its own, `maxmemory`); without it answers
    are kept where `[state]` is.
    """

    enabled: bool = False
    ttl: Annotated[float, Meta(ge=1, le=_YEAR)] = 3600.0
    share: Literal["user", "team"] = "user"
    max_entry_bytes: Annotated[int, Meta(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    max_bytes: Annotated[int, Meta(ge=1024)] = 128 * 1024 * 1024
    url: Secret | None = None

    def where(self, state: StateConfig) -> StateConfig:
        """Return the state's configuration with the place where answers are kept."""
        return StateConfig(url=self.url or state.url, prefix=state.prefix, timeout=state.timeout)

    def in_memory(self, state: StateConfig) -> bool:
        """Tell whether answers are kept in this process."""
        return (self.url or state.url).reveal() == MEMORY
