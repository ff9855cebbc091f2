"""Writes down every change of who may do what, so that it is in the audit log and every replica hears of it."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.caller import Caller
from wye.store import audit
from wye.store.changes import announce

TOPIC: Final = "identity"
TARGETS: Final = ("key", "user", "team", "preferences", "own")
"""What kinds of things replicas remember; `own` is a user's own model or key of a provider, as `user/id`."""


async def changed(
    connection: AsyncConnection,
    caller: Caller,
    action: str,
    target: str,
    target_id: str,
    *,
    before: Any = None,
    after: Any = None,
    request_id: str | None = None,
) -> None:
    """Write down a change, in its own transaction.

    The announcement comes first: it lets one such transaction at a time through, so that the numbers of their entries
    grow in the order in which others can see them, and nobody who read up to one has missed an earlier one.
    """
    await announce(connection, TOPIC)
    await audit.add(connection, caller, action, target, target_id, before=before, after=after, request_id=request_id)
