"""Where batches are ordered, looked at and cancelled; who works on them is the runner."""

import secrets
from collections.abc import Mapping
from typing import Final

from wye.assistant.batch.endpoints import ENDPOINTS
from wye.assistant.batch.files import check_enabled, database_of
from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError, RouteNotFoundError
from wye.engine import Engine
from wye.store import batches as rows
from wye.store import files
from wye.store.batches import Batch
from wye.store.database import Database, now_us

WINDOW_US: Final = 24 * 3600 * 1_000_000
"""How long a batch may take; what is not answered then is not asked any more."""
_MOST_METADATA: Final = 16
_LONGEST_KEY: Final = 64
_LONGEST_VALUE: Final = 512


class Desk:
    """The batches of all users: each orders, sees and cancels its own."""

    def __init__(self, engine: Engine) -> None:
        """Take orders for `engine`."""
        self._engine = engine

    @property
    def _database(self) -> Database:
        return database_of(self._engine)

    async def order(
        self, caller: Caller, *, input_file_id: str, endpoint: str, metadata: Mapping[str, str] | None = None
    ) -> Batch:
        """Order a batch of a file of the caller's own, whose requests are asked with its key.

        Raises `InvalidRequestError`, and `RouteNotFoundError` where there is no such file.
        """
        check_enabled(self._engine)
        if endpoint not in ENDPOINTS:
            message = f"no batch can be made for {endpoint[:100]!r}; there are {', '.join(ENDPOINTS)}"
            raise InvalidRequestError(message, code="invalid_endpoint", param="endpoint")
        _check_metadata(metadata or {})
        now = now_us()
        row = Batch(
            id=f"batch_{secrets.token_hex(12)}",
            user_id=caller.user,
            key_id=caller.key,
            endpoint=endpoint,
            input_file_id=input_file_id,
            metadata=dict(metadata) if metadata else None,
            created_at=now,
            expires_at=now + WINDOW_US,
        )
        async with self._database.begin() as connection:
            file = await files.one(connection, caller.user, input_file_id, now=now)
            if file is None or file.purpose != "batch":
                message = f"there is no file {input_file_id[:64]!r} for a batch: POST /v1/files with purpose 'batch'"
                raise RouteNotFoundError(message, code="file_not_found", param="input_file_id")
            await rows.add(connection, caller.user, row)
        return row

    async def every(self, owner: str, *, after: str | None = None, limit: int = rows.PAGE) -> list[Batch]:
        """Return batches, the latest first, those after the batch with the id `after`."""
        async with self._database.read() as connection:
            return await rows.page(connection, owner, after=after, limit=limit)

    async def one(self, owner: str, batch_id: str) -> Batch:
        """Return a batch. Raises `RouteNotFoundError` where `owner` has none of that id."""
        async with self._database.read() as connection:
            found = await rows.one(connection, owner, batch_id)
        if found is None:
            raise _missing(batch_id)
        return found

    async def cancel(self, owner: str, batch_id: str) -> Batch:
        """Have no further line of a batch asked. Raises `InvalidRequestError` where it is over."""
        async with self._database.begin() as connection:
            found = await rows.cancel(connection, owner, batch_id, now=now_us())
        if found is None:
            raise _missing(batch_id)
        if found.status not in {"cancelling", "cancelled"}:
            message = f"the batch is {found.status} already: there is nothing left to cancel"
            raise InvalidRequestError(message, code="batch_over", param="batch_id")
        return found


def _check_metadata(given: Mapping[str, str]) -> None:
    fits = all(len(name) <= _LONGEST_KEY and len(value) <= _LONGEST_VALUE for name, value in given.items())
    if len(given) > _MOST_METADATA or not fits:
        message = f"'metadata' has at most {_MOST_METADATA} names of {_LONGEST_KEY} characters, "
        message += f"with texts of {_LONGEST_VALUE}"
        raise InvalidRequestError(message, code="invalid_value", param="metadata")


def _missing(batch_id: str) -> RouteNotFoundError:
    return RouteNotFoundError(
        f"there is no batch {batch_id[:64]!r}; GET /v1/batches lists yours", code="batch_not_found", param="batch_id"
    )
