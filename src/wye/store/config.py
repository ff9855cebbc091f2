"""The `[store]` and `[retention]` sections."""

from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from wye.core.secret import Secret

MEMORY: Final = "memory://"
DEFAULT_URL: Final = "sqlite:///wye.db"
_DAY: Final = 24 * 3600
_Wait: TypeAlias = Annotated[float, Meta(ge=0.05, le=3600)]
Days: TypeAlias = Annotated[int, Meta(ge=1, le=36500)]
Dialect: TypeAlias = Literal["sqlite", "postgresql"]


class StoreConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where what must outlive the process is kept; times are seconds.

    `url` is `sqlite:///file`, which lies beside the program as it is written, or `postgresql://user@host/database`,
    where everything lives in a schema `wye`, or `memory://`, which keeps nothing. `timeout` is how long one statement
    may take, `connect_timeout` how long a connection may, and `pool_size` how many of them each worker process holds at
    most.

    `spool` is the folder of the journal, in which usage waits while the database is away, beside the database's file
    or in the working directory where it is not said; `spool_limit` its size in bytes, beyond which new requests are
    refused. With `durable = "power"` a request waits, before it is sent to a provider, until the journal that has it is
    on the disk, together with all that come meanwhile; otherwise what the power's failing takes is the last seconds.
    `grace` is how long keys that are known go on working without the database.
    """

    url: Secret = Secret(DEFAULT_URL)
    timeout: _Wait = 5.0
    connect_timeout: _Wait = 3.0
    pool_size: Annotated[int, Meta(ge=1, le=100)] = 4
    spool: str | None = None
    spool_limit: Annotated[int, Meta(ge=1024 * 1024)] = 1024 * 1024 * 1024
    durable: Literal["process", "power"] = "process"
    grace: Annotated[float, Meta(ge=0, le=_DAY)] = 900.0

    @property
    def is_memory(self) -> bool:
        """Whether nothing outlives the process."""
        return self.url.reveal() == MEMORY

    @property
    def dialect(self) -> Dialect | None:
        """Which database the URL is of, `None` where it is of none that Wye knows."""
        scheme = urlsplit(self.url.reveal()).scheme.partition("+")[0]
        return "sqlite" if scheme == "sqlite" else "postgresql" if scheme in {"postgresql", "postgres"} else None

    @property
    def shown(self) -> str:
        """The URL without name and password, nor what else may hold one."""
        parts = urlsplit(self.url.reveal())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class RetentionConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days are kept of what requests leave behind.

    `usage_days` is for one row per request; their sums by the hour are kept for good. `requests_days` is for the detail
    of single attempts, and for the answers of the Responses API.
    """

    usage_days: Days = 400
    requests_days: Days = 30
