"""The books of a process: every request that is let in is written down before it costs anything, and settled once."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from wye.catalog import Catalog
from wye.core.caller import Caller
from wye.core.errors import BudgetExceededError, LimitExceededError, RefusedBy
from wye.core.exchange import Exchange
from wye.core.record import UsageRecord
from wye.ledger.allowances import NO_ALLOWANCES, Allowances
from wye.ledger.settlement import admission, price, settlement


class Meter(Protocol):
    """Watches what is written into the books, in this process. It must not raise, nor take long."""

    def observe(self, record: UsageRecord) -> None:
        """See a request that is over."""


class Refusals(Protocol):
    """Counts requests that a limit or a budget did not let in, which are on no page. It must not raise."""

    def refused(self, caller: Caller, by: RefusedBy) -> None:
        """See a request that was refused."""


class Pages(Protocol):
    """What the books are written on."""

    async def start(self) -> None:
        """Begin; what another process left unfinished is taken over."""

    def check(self) -> None:
        """Raise `BooksUnavailableError` where no further request can be written down."""

    def admitted(self, record: UsageRecord) -> None:
        """Write down a request that was let in, as lost; raise `BooksUnavailableError` where that cannot be."""

    def settled(self, record: UsageRecord) -> None:
        """Write down what became of it."""

    async def aclose(self) -> None:
        """Bring what was written to where it belongs, as far as that can be."""


class Books:
    """Accounts for exchanges: `admit` before the plan, `hold` after it and before any call, `settle` once at the end.

    A request is in the books once `hold` has let it pass; one refused before that leaves nothing behind. None of the
    three waits for anything but where `Allowances` say so. Without `pages` nothing is kept, and without `meters` and
    `allowances` an exchange is priced and that is all.
    """

    def __init__(
        self,
        *,
        allowances: Allowances = NO_ALLOWANCES,
        meters: Sequence[Meter] = (),
        pages: Pages | None = None,
    ) -> None:
        """Keep books on `pages`, tell `meters`, hold requests to `allowances`."""
        self.allowances = allowances
        self.meters = tuple(meters)
        self.refusals: tuple[Refusals, ...] = ()
        self.secure: Callable[[], Awaitable[None]] | None = None
        """Waits until what was written is where it cannot be lost, where that is asked for."""
        self.pages = pages

    async def start(self) -> None:
        """Begin, once, before the first request."""
        await self.allowances.begin()
        if self.pages is not None:
            await self.pages.start()

    def admit(self, exchange: Exchange) -> Awaitable[None] | None:
        """Let a request in or raise: `BooksUnavailableError`, and whatever the allowances raise."""
        if self.pages is not None:
            self.pages.check()
        elif self.allowances.idle:
            return None
        return self.allowances.admit(exchange)

    def hold(self, exchange: Exchange, catalog: Catalog) -> Awaitable[None] | None:
        """Set aside what a request with a plan will cost, and write it down; raise as `admit` does.

        An answer that is kept costs nothing: nothing is set aside for it, but it counts as a request.
        """
        if exchange.allowance is None and self.allowances.idle:
            self._write(exchange)
        elif (wait := self.allowances.hold(exchange, catalog)) is not None:
            return self._hold(exchange, wait)
        else:
            self._write(exchange)
        return None if self.secure is None else self.secure()

    async def _hold(self, exchange: Exchange, wait: Awaitable[None]) -> None:
        await wait
        self._write(exchange)
        if self.secure is not None:
            await self.secure()

    def _write(self, exchange: Exchange) -> None:
        if self.pages is not None:
            self.pages.admitted(admission(exchange))
        exchange.admitted = True

    def settle(self, exchange: Exchange, catalog: Catalog, failure: BaseException | None = None) -> None:
        """Account for an exchange, once, whatever happened to it; `failure` is what it ended with."""
        if exchange.settled:
            return
        exchange.settled = True
        price(exchange, catalog)
        record = None
        held = exchange.allowance is not None or not self.allowances.idle
        if exchange.admitted and (self.pages is not None or self.meters or held):
            record = settlement(exchange, catalog, time.time_ns() // 1000, failure)
        if held:
            self.allowances.settle(exchange, record)
        if record is None:
            if isinstance(failure, LimitExceededError | BudgetExceededError) and failure.refused_by is not None:
                for one in self.refusals:
                    one.refused(exchange.caller, failure.refused_by)
            return
        if self.pages is not None:
            self.pages.settled(record)
        for meter in self.meters:
            meter.observe(record)

    def add(self, record: UsageRecord) -> None:
        """Write down what became known of a request after it was settled; raise `BooksUnavailableError`."""
        if self.pages is not None:
            self.pages.admitted(record)
            self.pages.settled(record)
        self.allowances.charge(record)
        for meter in self.meters:
            meter.observe(record)

    async def aclose(self) -> None:
        """Bring what was written to where it belongs, and give back what was not spent."""
        if self.pages is not None:
            await self.pages.aclose()
        await self.allowances.release()
