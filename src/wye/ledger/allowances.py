"""What may be spent and how often: the seam between a request's books and the limits and budgets it is held to."""

from collections.abc import Awaitable, Iterable
from typing import Final, Protocol

from wye.catalog import Catalog
from wye.core.exchange import Exchange
from wye.core.limits import Budget, Limit
from wye.core.record import UsageRecord


class Allowances(Protocol):
    """Rate limits and budgets, as the books ask them; what they keep of a request is `exchange.allowance`.

    `settle` is called exactly once for every exchange, also where `admit` or `hold` raised or was never reached.
    `exchange.allowance` has a method `afford(exchange, attempt)` for whoever makes another attempt than the first.
    Nothing of this waits for anything but where a limit is too small to be cut into slices; then an awaitable comes
    back, which may raise as the call itself does.

    While it is `idle` there is nothing that anybody is held to; whoever keeps no records need not ask then.
    """

    idle: bool

    def admit(self, exchange: Exchange) -> Awaitable[None] | None:
        """Count a request against its caller's rate limits, before it has a plan; raise where there is no room."""

    def hold(self, exchange: Exchange, catalog: Catalog) -> Awaitable[None] | None:
        """Set aside what the request will likely cost by its plan, as `exchange.hold`; raise where it is not left."""

    def settle(self, exchange: Exchange, record: UsageRecord | None) -> None:
        """Give back what was set aside and take what `record` says; `None`: it was never accepted, and counts not."""

    def charge(self, record: UsageRecord) -> None:
        """Take what became known of a request after it was settled, in a record of its own."""

    def follow(self, limits: Iterable[Limit], budgets: Iterable[Budget]) -> None:
        """Take over the rules of the settings file."""

    async def begin(self) -> None:
        """Begin to divide what several processes share."""

    async def release(self) -> None:
        """Give back what this process has in hand."""


class _NoAllowances:
    idle = True

    def admit(self, exchange: Exchange) -> None:
        del exchange

    def hold(self, exchange: Exchange, catalog: Catalog) -> None:
        del exchange, catalog

    def settle(self, exchange: Exchange, record: UsageRecord | None) -> None:
        del exchange, record

    def charge(self, record: UsageRecord) -> None:
        del record

    def follow(self, limits: Iterable[Limit], budgets: Iterable[Budget]) -> None:
        del limits, budgets

    async def begin(self) -> None:
        pass

    async def release(self) -> None:
        pass


NO_ALLOWANCES: Final[Allowances] = _NoAllowances()
"""Everything may be asked, as often as anybody likes."""
