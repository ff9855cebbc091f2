"""Says in an answer's headers what is left of its caller's limits, and which budgets are nearly used up.

The names are those that clients know: OpenAI's `x-ratelimit-*`, and on Anthropic's wire `anthropic-ratelimit-*`. Of
several limits of a kind, the one is told that has the least left.
"""

import datetime
from collections.abc import Iterable
from typing import Final

from wye.core.exchange import Exchange
from wye.gateway.http import Header
from wye.ledger.limiter import Taken
from wye.ledger.line import Line
from wye.ledger.refusal import described, usd

_ANTHROPIC: Final = "anthropic_messages"
_US: Final = 1_000_000
_HOUR: Final = 3600
_MINUTE: Final = 60


def limit_headers(exchange: Exchange) -> list[Header]:
    """Return the headers; none where there is no limit."""
    taken: Taken | None = exchange.allowance
    if taken is None:
        return []
    lines = taken.limits
    headers = [*_told(lines, exchange)] if lines else []
    if taken.warnings:
        said = "; ".join(_warning(line) for line in dict.fromkeys(taken.warnings))
        headers.append((b"x-wye-budget-warning", said.encode("ascii", "backslashreplace")))
    return headers


def _told(lines: Iterable[Line], exchange: Exchange) -> Iterable[Header]:
    timed = [line for line in lines if line.counts != "concurrent_requests"]
    kinds = {
        "requests": [line for line in timed if line.counts == "requests"],
        "tokens": [line for line in timed if line.counts != "requests"],
    }
    if exchange.call.wire == _ANTHROPIC:
        kinds["input-tokens"] = [line for line in timed if line.counts == "input_tokens"]
        kinds["output-tokens"] = [line for line in timed if line.counts == "output_tokens"]
    for kind, some in kinds.items():
        if not some:
            continue
        line = min(some, key=lambda one: one.allowance.left / one.amount)
        limit, left = str(line.amount), str(line.allowance.left)
        if exchange.call.wire == _ANTHROPIC:
            names, reset = (
                [f"anthropic-ratelimit-{kind}-{what}" for what in ("limit", "remaining", "reset")],
                _when(line),
            )
        else:
            names = [f"x-ratelimit-{what}-{kind}" for what in ("limit", "remaining", "reset")]
            reset = _lasting(((line.allowance.ends_at or exchange.at) - exchange.at) / _US)
        yield from zip(map(str.encode, names), map(str.encode, (limit, left, reset)), strict=True)


def _warning(line: Line) -> str:
    allowance = line.allowance
    ends_at = allowance.ends_at
    resets = f", begins anew {_when(line)}" if ends_at is not None else ""
    return f"{usd(allowance.used)} of {usd(line.amount)} of the {described(line)} used{resets}"


def _when(line: Line) -> str:
    moment = datetime.datetime.fromtimestamp((line.allowance.ends_at or 0) // _US, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _lasting(seconds: float) -> str:
    """Write a time as OpenAI does: `1h0m0s`, `6m30s`, `20ms`."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))}ms"
    whole = round(seconds)
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    spelled = f"{hours}h" if hours else ""
    return f"{spelled}{minutes}m{whole % _MINUTE}s" if whole >= _MINUTE else f"{whole}s"
