"""OpenAI's `/v1/batches`: files of requests that the gateway works through by itself, for any provider."""

from typing import Annotated, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from wye.gateway.api.batch_forms import BatchForm
from wye.gateway.api.batch_views import BatchList, BatchObject, batch_list, batch_view
from wye.gateway.api.here import Here

_LOOK: Final = {"needs": ("use", "read")}
_USE: Final = {"needs": ("use",)}


@get("/", opt={**_LOOK, "query": {"after": False, "limit": False}})
async def list_batches(
    here: NamedDependency[Here],
    after: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
) -> BatchList:
    """List the caller's own batches, the latest first."""
    return batch_list(await here.batches.every(here.caller.user, after=after, limit=limit + 1), limit)


@post("/", status_code=200, opt=_USE)
async def create_batch(here: NamedDependency[Here], data: JSONBody[BatchForm]) -> BatchObject:
    """Make a batch of a file: its lines are checked, and then asked one after another, with the caller's key.

    Limits and budgets hold as for any request: the batch waits for them, for as long as its window is open.
    """
    found = await here.batches.order(
        here.caller, input_file_id=data.input_file_id, endpoint=data.endpoint, metadata=data.metadata
    )
    here.runner.wake()
    return batch_view(found)


@get("/{batch_id:str}", opt=_LOOK)
async def show_batch(here: NamedDependency[Here], batch_id: FromPath[str]) -> BatchObject:
    """Show a batch of the caller's own: how far it is, what it took, and where its answers are."""
    return batch_view(await here.batches.one(here.caller.user, batch_id))


@post("/{batch_id:str}/cancel", status_code=200, opt=_USE)
async def cancel_batch(here: NamedDependency[Here], batch_id: FromPath[str]) -> BatchObject:
    """Have no further line asked. What was answered until then can be read once the batch is `cancelled`."""
    found = await here.batches.cancel(here.caller.user, batch_id)
    here.runner.wake()
    return batch_view(found)


HANDLERS: Final = (list_batches, create_batch, show_batch, cancel_batch)
