"""Says in an answer's headers what is left of its caller's limits, and which budgets are nearly used up.

The names are those that clients know: OpenAI's `x-ratelimit-*`, and on Anthropic's wire `anthropic-ratelimit-*`. Of
several limits of a kind, the one is told that has the least left.
"""

import datetime
import functools
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
_OPENAIS: Final = {
    kind: tuple(f"x-ratelimit-{what}-{kind}".encode() for what in ("limit", "remaining", "reset"))
    for kind in ("requests", "tokens")
}
_ANTHROPICS: Final = {
    kind: tuple(f"anthropic-ratelimit-{kind}-{what}".encode() for what in ("limit", "remaining", "reset"))
    for kind in ("requests", "tokens", "input-tokens", "output-tokens")
}


def limit_headers(exchange: Exchange) -> list[Header]:
    """Return the headers; none where there is no limit."""
    taken: Taken | None = exchange.allowance
    if taken is None:
        return []
    headers: list[Header] = []
    at = exchange.at
    names = _ANTHROPICS if exchange.call.wire == _ANTHROPIC else _OPENAIS
    for kind, lines in taken.told:
        spelled = names.get(kind)
        if spelled is None:
            continue
        line, left = lines[0], lines[0].allowance.left
        for other in lines[1:]:
            others = other.allowance.left
            if others * line.amount < left * other.amount:
                line, left = other, others
        limit_name, left_name, reset_name = spelled
        headers.append((limit_name, b"%d" % line.amount))
        headers.append((left_name, b"%d" % left))
        reset = _when(line) if names is _ANTHROPICS else _lasting((line.allowance.ends_at or at) - at)
        headers.append((reset_name, reset))
    if taken.warnings:
        said = "; ".join(_warning(line) for line in dict.fromkeys(taken.warnings))
        headers.append((b"x-wye-budget-warning", said.encode("ascii", "backslashreplace")))
    return headers


def _warning(line: Line) -> str:
    allowance = line.allowance
    ends_at = allowance.ends_at
    resets = f", begins anew {_when(line).decode()}" if ends_at is not None else ""
    return f"{usd(allowance.used)} of {usd(line.amount)} of the {described(line)} used{resets}"


def _when(line: Line) -> bytes:
    moment = datetime.datetime.fromtimestamp((line.allowance.ends_at or 0) // _US, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def _lasting(microseconds: int) -> bytes:
    """Write a time as OpenAI does: `1h0m0s`, `6m30s`, `20ms`."""
    if microseconds < _US:
        return b"%dms" % max(0, round(microseconds / 1000))
    return _spelled(round(microseconds / _US))


@functools.lru_cache(maxsize=4096)
def _spelled(seconds: int) -> bytes:
    hours, minutes = seconds // _HOUR, seconds % _HOUR // _MINUTE
    spelled = f"{hours}h" if hours else ""
    return (f"{spelled}{minutes}m{seconds % _MINUTE}s" if seconds >= _MINUTE else f"{seconds}s").encode()
