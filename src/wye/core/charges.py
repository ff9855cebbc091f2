"""Which budgets a request counts against, and with how much."""

from typing import TypeAlias

from wye.core.record import UsageRecord

Place: TypeAlias = tuple[str, str]
"""The scope and the target of a budget."""


def charges_of(record: UsageRecord) -> dict[Place, int]:
    """Return what every budget that a record may count against is charged with, in picodollars.

    A request of unknown cost is charged with what was held for it. Each provider and model of a request that was tried
    elsewhere first is charged with its own attempts.
    What went out with the caller's own keys alone is charged to none.
    """
    if record.uncharged:
        return {}
    cost = cost_of(record)
    named = (("key", record.key), ("user", record.user), ("team", record.team), ("global", ""))
    found = {(scope, target): cost for scope, target in named if target is not None}
    tried = [(one.provider, one.model, one.cost or 0) for one in record.attempts] if record.cost is not None else []
    if not tried and record.provider is not None and record.model is not None:
        tried = [(record.provider, record.model, cost)]
    for provider, model, own in tried:
        for place in (("provider", provider), ("model", f"{provider}/{model}")):
            found[place] = found.get(place, 0) + own
    return found


def cost_of(record: UsageRecord) -> int:
    """Return what a request cost the operator or, where that is unknown, what was held for it."""
    if record.uncharged:
        return 0
    return record.cost if record.cost is not None else record.hold or 0
