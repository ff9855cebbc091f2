"""What outlives a request, and what several processes tell each other."""

from importlib.util import find_spec

from wye.core.errors import ConfigurationError
from wye.state.config import StateConfig
from wye.state.shared import MemoryState, SharedState

__all__ = ["MemoryState", "SharedState", "StateConfig", "connect"]


def connect(config: StateConfig) -> SharedState:
    """Return the state that `config` names; nothing is connected before it is started.

    Raises `ConfigurationError` where the library for it is not there, or the URL is none.
    """
    if config.is_memory:
        return MemoryState()
    if find_spec("redis") is None:
        raise ConfigurationError("state.url needs the redis library: pip install 'wye[redis]'", param="state.url")
    from wye.state.redis import RedisState

    return RedisState(config)
