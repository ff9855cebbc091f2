"""Puts together what holds requests to limits and budgets, as the settings say who divides them."""

from typing import Final

from wye.core.ids import this_process
from wye.core.leases import Leases
from wye.ledger.limiter import Limiter
from wye.ledger.refill import Refill
from wye.ledger.rulebook import Rulebook
from wye.state import StateConfig, divide
from wye.store.leases import StoreLeases
from wye.store.opened import Store

BUDGET_LEASE_SECONDS: Final = 30.0
"""How long the slice of a process that is gone stays its own."""
RATE_LEASE_SECONDS: Final = 10.0
_DATABASE_SECONDS: Final = 1.0
"""How long a request waits for the database at most, before this process goes on by itself."""


def allotted(state: StateConfig, store: Store | None) -> Limiter:
    """Return a limiter that follows the settings file and the database.

    Rates are divided by `state`, or by the database where several machines may share that, and budgets by `store`.
    """
    rates: Leases | None = divide(state, this_process(), seconds=RATE_LEASE_SECONDS)
    if rates is None and store is not None and store.database.dialect == "postgresql":
        rates = _stored(store, RATE_LEASE_SECONDS)
    budgets = _stored(store, BUDGET_LEASE_SECONDS) if store is not None else None
    limiter = Limiter(
        rates=None if rates is None else Refill(rates, lasting=RATE_LEASE_SECONDS),
        budgets=None if budgets is None else Refill(budgets, lasting=BUDGET_LEASE_SECONDS),
    )
    limiter.followed = Rulebook(limiter, store).follow
    return limiter


def _stored(store: Store, seconds: float) -> StoreLeases:
    return StoreLeases(store.database, this_process(), seconds=seconds, timeout=_DATABASE_SECONDS)
