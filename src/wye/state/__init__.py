"""What outlives a request, and what several processes tell each other."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from wye.core.errors import ConfigurationError
from wye.core.extras import adding
from wye.core.leases import Leases
from wye.state.config import StateConfig
from wye.state.responses import MemoryResponses, ResponseStore
from wye.state.shared import MemoryState, SharedState

if TYPE_CHECKING:
    from wye.store.database import Database

__all__ = ["MemoryState", "SharedState", "StateConfig", "connect", "divide", "keep_responses", "needs_redis"]


def connect(config: StateConfig) -> SharedState:
    """Return the state that `config` names; nothing is connected before it is started.

    Raises `ConfigurationError` where the library for it is not there, or the URL is none.
    """
    if config.is_memory:
        return MemoryState()
    needs_redis()
    from wye.state.redis import RedisState

    return RedisState(config)


def keep_responses(config: StateConfig, database: "Database | None" = None) -> ResponseStore:
    """Return where the Responses API's answers are kept: in the database, where there is one, and nowhere else.

    Raises as `connect` does.
    """
    if database is not None:
        from wye.state.stored import StoredResponses

        return StoredResponses(database)
    if config.is_memory:
        return MemoryResponses()
    needs_redis()
    from wye.state.kept import RedisResponses

    return RedisResponses(config)


def divide(config: StateConfig, holder: str, *, seconds: float) -> Leases | None:
    """Return who divides what several processes may ask; `None` where this one is alone. Raises as `connect` does.

    `holder` names this process, whose slices are its own for `seconds` after it was last heard of.
    """
    if config.is_memory:
        return None
    needs_redis()
    from wye.state.leases import RedisLeases

    return RedisLeases(config, holder, seconds=seconds)


def needs_redis(param: str = "state.url") -> None:
    """Raise `ConfigurationError` where there is no library for the URL that the setting `param` holds."""
    if find_spec("redis") is None:
        raise ConfigurationError(f"{param} needs the redis library: {adding('redis')}", param=param)
