"""Says in an answer's headers what is left of its caller's limits, and which budgets are nearly used up.

The names are those that clients know: OpenAI's `x-ratelimit-*`, and on Anthropic's wire `anthropic-ratelimit-*`. Of
several limits of a kind, the one is told that has the least left.
"""

import datetime
from collections.abc import Iterable, Mapping
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
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "requests": ("requests",),
    "input_tokens": ("tokens", "input-tokens"),
    "output_tokens": ("tokens", "output-tokens"),
}
"""In which kinds of headers a limit is told, by what it counts; those of requests at once have none."""
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
    lines = taken.limits
    headers = [*_told(lines, exchange)] if lines else []
    if taken.warnings:
        said = "; ".join(_warning(line) for line in dict.fromkeys(taken.warnings))
        headers.append((b"x-wye-budget-warning", said.encode("ascii", "backslashreplace")))
    return headers


def _told(lines: Iterable[Line], exchange: Exchange) -> Iterable[Header]:
    """Say of each kind what its tightest limit is."""
    anthropic = exchange.call.wire == _ANTHROPIC
    tightest: dict[str, tuple[float, int, Line]] = {}
    for line in lines:
        left = line.allowance.left
        share = left / line.amount
        for kind in _KINDS.get(line.counts, ()):
            if kind not in tightest or share < tightest[kind][0]:
                tightest[kind] = (share, left, line)
    for kind, (limit_name, left_name, reset_name) in (_ANTHROPICS if anthropic else _OPENAIS).items():
        if kind in tightest:
            _, left, line = tightest[kind]
            yield limit_name, b"%d" % line.amount
            yield left_name, b"%d" % left
            ends_at = line.allowance.ends_at or exchange.at
            yield reset_name, (_when(line) if anthropic else _lasting((ends_at - exchange.at) / _US)).encode()


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
