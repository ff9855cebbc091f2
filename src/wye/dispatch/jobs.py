"""A provider whose requests are jobs in a queue: everything else is as with any other."""

import copy
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from wye.core.exchange import Exchange
from wye.core.plan import Attempt
from wye.core.response import StreamChunk
from wye.dispatch.upstream import WireUpstream
from wye.transport.jobs import JobsTransport


class JobsUpstream(WireUpstream):
    """Tells its transport how long a stream may wait in the queue."""

    async def stream(self, exchange: Exchange, attempt: Attempt) -> AsyncGenerator[Sequence[StreamChunk]]:
        """Hand the request in and yield the answer as it is fetched."""
        jobs = copy.copy(self)
        if isinstance(self._transport, JobsTransport):
            jobs._transport = self._transport.until(exchange.deadline)  # noqa: SLF001 - its own kind
        async with aclosing(super(JobsUpstream, jobs).stream(exchange, attempt)) as batches:
            async for batch in batches:
                yield batch
