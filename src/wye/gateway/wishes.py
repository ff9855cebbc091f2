"""What callers say of the choice of a model in headers, and how the choice is told to them in one."""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from wye.core.errors import InvalidRequestError
from wye.core.plan import Plan, Wishes
from wye.core.reuse import ANY_AGE, Reuse
from wye.routing.filters import quality_named
from wye.routing.strategies import strategy_named

_STRATEGY: Final = b"x-wye-strategy"
_MAX_COST: Final = b"x-wye-max-cost-usd"
_MIN_QUALITY: Final = b"x-wye-min-quality"
_TAGS: Final = b"x-wye-tags"
_EXPLAIN: Final = b"x-wye-explain"
_NAMES: Final = frozenset({_STRATEGY, _MAX_COST, _MIN_QUALITY, _TAGS, _EXPLAIN})
_YES: Final = frozenset({b"true", b"1", b"yes"})
_NO: Final = frozenset({b"false", b"0", b"no"})
_NO_CACHE: Final = b"x-wye-no-cache"
_CACHE_CONTROL: Final = b"cache-control"
_MOST_TAGS: Final = 20
_LONGEST_TAG: Final = 100
USAGE_TAGS: Final = b"x-wye-usage-tags"
"""The header of `usage_tags`; it decides nothing about who answers, as `x-wye-tags` does."""
_LONGEST_SUMMARY: Final = 2000
"""Bytes; proxies commonly take 4 to 8 kB of headers in all."""
_SHOWN: Final = 5


def wishes_of(headers: Mapping[bytes, bytes]) -> Wishes | None:
    """Return what a caller wishes, `None` for nothing; raise `InvalidRequestError` that names a header it cannot read.

    `x-wye-strategy` is a strategy's name, `x-wye-max-cost-usd` an amount, `x-wye-min-quality` a quality tier,
    `x-wye-tags` names with commas between them, `x-wye-explain` true or false.
    """
    if _NAMES.isdisjoint(headers):
        return None
    strategy, quality = headers.get(_STRATEGY), headers.get(_MIN_QUALITY)
    return Wishes(
        strategy=None if strategy is None else strategy_named(strategy.decode("latin-1"), "x-wye-strategy"),
        max_cost=_amount(headers.get(_MAX_COST)),
        min_quality=None if quality is None else quality_named(quality.decode("latin-1"), "x-wye-min-quality"),
        tags=_tags(headers.get(_TAGS)),
        explain=_said(headers.get(_EXPLAIN), "x-wye-explain"),
    )


def reuse_of(headers: Mapping[bytes, bytes]) -> Reuse:
    """Return what a caller says of answers that are kept.

    `Cache-Control` says it as HTTP does: `no-store` wants neither a kept answer nor the new one kept, `no-cache` a new
    one, `max-age=60` none that is older (https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1). `x-wye-no-cache: true`
    is `no-store`. Raises `InvalidRequestError` where the latter is neither true nor false.
    """
    said = headers.get(_CACHE_CONTROL)
    if _said(headers.get(_NO_CACHE), "x-wye-no-cache"):
        return _NEVER
    if said is None:
        return ANY_AGE
    directives = dict(_directive(part) for part in said.lower().split(b","))
    if b"no-store" in directives:
        return _NEVER
    age = directives.get(b"max-age", b"").strip(b'"')
    return Reuse(read=b"no-cache" not in directives, max_age=float(age[:12]) if age.isdigit() else None)


_NEVER: Final = Reuse(read=False, store=False)


def usage_tags(value: bytes) -> tuple[str, ...]:
    """Return the tags that a request is to have in the books. Raises `InvalidRequestError` for too many, or long ones.

    They are names with commas between them, and add to those of the key.
    """
    tags = tuple(dict.fromkeys(filter(None, (tag.strip() for tag in value.decode("utf-8", "replace").split(",")))))
    if not tags or len(tags) > _MOST_TAGS or any(len(tag) > _LONGEST_TAG for tag in tags):
        message = f"'x-wye-usage-tags' must be one to {_MOST_TAGS} names with commas between them"
        message += f", of {_LONGEST_TAG} characters at most"
        raise InvalidRequestError(message, code="invalid_value", param="x-wye-usage-tags")
    return tags


def _directive(part: bytes) -> tuple[bytes, bytes]:
    name, _, value = part.partition(b"=")
    return name.strip(), value.strip()


def summary(plan: Plan) -> bytes:
    """Return a plan as JSON in one line of at most 2,000 bytes: attempts, the best candidates, and counts of drops."""
    dropped: dict[str, int] = {}
    for drop in plan.dropped:
        dropped[drop.code] = dropped.get(drop.code, 0) + 1
    told: dict[str, Any] = {
        "strategy": plan.strategy,
        "attempts": [_rounded(one.full_id, one.score) for one in plan.attempts[:_SHOWN]],
        "candidates": [
            {
                "model": f"{one.provider}/{one.model}",
                "score": round(one.score, 3),
                "usd": None if one.expected_cost is None else float(f"{one.expected_cost:.3g}"),
                "parts": {name: round(part, 3) for name, part in one.parts.items()},
                "speed_from": one.speed_from,
            }
            for one in plan.candidates[:_SHOWN]
        ],
        "judged": len(plan.candidates),
        "dropped": dropped,
    }
    for part in ("candidates", "attempts"):
        while len(line := json.dumps(told, separators=(",", ":"))) > _LONGEST_SUMMARY and told[part]:
            del told[part][-1]
    return line.replace("\x7f", "\\u007f").encode()


def _rounded(full_id: str, score: float | None) -> dict[str, Any]:
    return {"model": full_id} if score is None else {"model": full_id, "score": round(score, 3)}


def _amount(value: bytes | None) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(value.decode("ascii").strip())
    except (InvalidOperation, UnicodeDecodeError):
        amount = Decimal("nan")
    if not amount.is_finite() or amount < 0:
        message = "'x-wye-max-cost-usd' must be an amount in USD, such as 0.01"
        raise InvalidRequestError(message, code="invalid_value", param="x-wye-max-cost-usd")
    return amount


def _tags(value: bytes | None) -> frozenset[str]:
    if value is None:
        return frozenset()
    tags = frozenset(filter(None, (tag.strip() for tag in value.decode("latin-1").split(","))))
    if not tags or len(tags) > _MOST_TAGS:
        message = f"'x-wye-tags' must be one to {_MOST_TAGS} names with commas between them"
        raise InvalidRequestError(message, code="invalid_value", param="x-wye-tags")
    return tags


def _said(value: bytes | None, header: str) -> bool:
    said = b"false" if value is None else value.strip().lower()
    if said not in _YES | _NO:
        raise InvalidRequestError(f"'{header}' must be true or false", code="invalid_value", param=header)
    return said in _YES
