"""The `[state]` section."""

from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from wye.core.secret import Secret

MEMORY: Final = "memory://"
_Wait: TypeAlias = Annotated[float, Meta(ge=0.01, le=60)]


class StateConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where what several processes must agree on is kept; times are seconds.

    `url` is `memory://` for one process, or `redis://`, `rediss://` or `unix://` of a Redis or Valkey for many. Every
    key there begins with `prefix`: two deployments on one server have two. `refresh_interval` is how old what other
    processes found out may be, `timeout` how long Redis may take before it counts as away.
    """

    url: Secret = Secret(MEMORY)
    prefix: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^{}\s]+$")] = "wye"
    refresh_interval: _Wait = 0.5
    timeout: _Wait = 0.25

    @property
    def is_memory(self) -> bool:
        """Whether nothing is shared with another process."""
        return self.url.reveal() == MEMORY

    @property
    def shown(self) -> str:
        """The URL without name and password, nor what else may hold one."""
        parts = urlsplit(self.url.reveal())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
