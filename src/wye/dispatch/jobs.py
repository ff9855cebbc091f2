"""A provider whose requests are jobs in a queue: everything else is as with any other."""

from wye.core.exchange import Exchange
from wye.core.plan import Attempt
from wye.core.secret import Secret
from wye.core.sink import Sink
from wye.dispatch.upstream import WireUpstream
from wye.transport.jobs import JobsTransport


class JobsUpstream(WireUpstream):
    """Tells its transport how long a stream may wait in the queue."""

    async def stream(self, exchange: Exchange, attempt: Attempt, sink: Sink, key: Secret | None = None) -> None:
        """Hand the request in and pass the answer on as it is fetched."""
        jobs = self.knowing(self._models)
        if isinstance(self._transport, JobsTransport):
            jobs._transport = self._transport.until(exchange.deadline)  # noqa: SLF001 - its own kind
        await WireUpstream.stream(jobs, exchange, attempt, sink, key)
