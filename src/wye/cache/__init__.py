"""Answers that are kept: the same request, of the same caller, of the same model, gets the same answer again."""

from wye.cache.config import CacheConfig
from wye.cache.lookup import Cache
from wye.cache.store import MemoryStore
from wye.state import StateConfig, needs_redis

__all__ = ["Cache", "CacheConfig", "connect"]


def connect(config: CacheConfig, state: StateConfig) -> Cache | None:
    """Return the cache that `config` asks for, `None` where it asks for none; nothing is connected yet.

    Raises `ConfigurationError` where the library for it is not there, or the URL is none.
    """
    if not config.enabled:
        return None
    if config.in_memory(state):
        return Cache(config, MemoryStore(max_bytes=config.max_bytes, ttl=config.ttl))
    needs_redis("cache.url" if config.url is not None else "state.url")
    from wye.cache.redis import RedisStore

    return Cache(config, RedisStore(config.where(state), ttl=config.ttl))
