"""Books what became known of a request only after it was over: an answer that a provider works on in the background.

The request is in the books already, with what could be told of it then: an estimate of its input. What it used up is
known at its end, and is a record of its own beside the first one, of whatever the first has not.
"""

import datetime

from msgspec import structs

from wye.catalog import Catalog
from wye.core.record import Status, UsageRecord
from wye.core.usage import Usage
from wye.ledger import price
from wye.ledger.settlement import pico


def rest_of(
    first: UsageRecord, usage: Usage, catalog: Catalog, *, status: Status, error: str | None = None, duration: int = 0
) -> UsageRecord:
    """Return the record of what `usage`, all that a request used up, is more than its `first` record says.

    Its id and time follow from the first one's: whoever finds the end, and however often, it is in the books once.
    `duration` is microseconds.
    """
    row = catalog.models.get(f"{first.provider}/{first.model}")
    began = datetime.datetime.fromtimestamp(first.at / 1e6, datetime.UTC)
    usd = price.cost(row.price, usage, at=began) if row is not None else None
    cost, reported = pico(usage.reported_cost if usd is None else usd), pico(usage.reported_cost)
    last = first.attempts[-1] if first.attempts else first  # earlier ones cost what they cost
    return structs.replace(
        first,
        id=f"{first.id}-end",
        parent=first.id,
        status=status,
        error=error,
        stream=False,
        input_tokens=max(0, usage.input_tokens - (last.input_tokens or 0)),
        output_tokens=max(0, usage.output_tokens - (last.output_tokens or 0)),
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        audio_tokens=usage.audio_input_tokens + usage.audio_output_tokens,
        cost=None if cost is None else max(0, cost - (last.cost or 0)),
        reported_cost=reported,
        estimated=False,
        saved=None,
        first_token=None,
        duration=duration,
        tries=0,
        attempts=(),
        prices=None if row is None else price.version_of(row.price),
    )
