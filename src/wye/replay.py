"""What stored requests would have been answered by under another strategy, and what that would have cost.

The same planner decides as for a request of today, over today's catalog and with everybody well. Money is what the
catalog's prices make of the tokens that were used.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, structs

from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo
from wye.core.errors import InvalidRequestError, WyeError
from wye.core.plan import Wanted, Wishes
from wye.core.usage import Usage
from wye.ledger import price
from wye.routing.names import AUTO
from wye.routing.planner import Planner
from wye.routing.reading import Reader
from wye.routing.scores import TYPICAL_OUTPUT_TOKENS
from wye.surfaces import openai_chat


class Stored(Struct, frozen=True, kw_only=True):
    """A request of before: what it wanted, who answered (a full id), what was used and what it cost in USD."""

    wanted: Wanted
    served: str | None = None
    usage: Usage = Usage()
    cost: Decimal | None = None


class Replayed(Struct, frozen=True, kw_only=True):
    """One request then and now: full ids, USD (`None` where unknown), and why nobody would answer, if so."""

    was: str | None
    was_cost: Decimal | None
    now: str | None
    now_cost: Decimal | None
    wanted: Wanted
    usage: Usage
    error: str | None = None


class _Line(Struct):
    """One line of a file: a request body, one under `request` with what became of it, or a line of our request log."""

    model: str | None = None
    provider: str | None = None
    messages: Raw = Raw()
    request: Raw = Raw()
    usage: dict[str, Any] | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    path: str | None = None


_decode = msgspec.json.Decoder(_Line, strict=False).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def read(lines: Iterable[bytes], planner: Planner) -> Iterator[Stored]:
    """Yield the requests of a file's lines; a line of our log that is no answered request is passed over.

    Raises `InvalidRequestError` that names a line which cannot be read.
    """
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            stored = _stored(line, planner)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequestError(f"line {at} is no stored request: {error}") from None
        except WyeError as error:
            raise InvalidRequestError(f"line {at}: {error.message}") from None
        if stored is not None:
            yield stored


def _stored(line: bytes, planner: Planner) -> Stored | None:
    said = _decode(line)
    body = bytes(said.request) or (line if bytes(said.messages) else None)
    used = said.usage or {}
    given = said.input_tokens or used.get("prompt_tokens") or used.get("input_tokens")
    produced = said.output_tokens or used.get("completion_tokens") or used.get("output_tokens")
    wanted = Wanted(model=AUTO)
    if body is not None:
        members = {**_decode_members(body), "model": Raw(b'"auto"')}
        call = openai_chat.parse_request(msgspec.json.encode(members))
        wanted, _ = Reader().read(call, Wishes(strategy="balanced"), planner)
        given = given or wanted.input_tokens
        produced = produced or min(TYPICAL_OUTPUT_TOKENS, wanted.output_tokens or TYPICAL_OUTPUT_TOKENS)
    elif given is None or produced is None:
        return None
    served = said.model if body is not line or said.provider else None
    if served and said.provider:
        served = f"{said.provider}/{served}"
    usage = Usage(input_tokens=int(given), output_tokens=int(produced))
    wanted = structs.replace(wanted, input_tokens=usage.input_tokens)
    return Stored(wanted=wanted, served=served, usage=usage, cost=said.cost_usd)


def replay(stored: Iterable[Stored], planner: Planner, catalog: Catalog, strategy: str) -> Iterator[Replayed]:
    """Yield what `strategy` would have made of each request."""
    for turn, one in enumerate(stored):
        wanted = structs.replace(one.wanted, model=AUTO, strategy=strategy, turn=turn)
        was_cost = one.cost if one.cost is not None else cost_of(catalog, one.served, one.usage)
        try:
            chosen = planner.plan(wanted).attempts[0].full_id
        except WyeError as error:
            yield Replayed(
                was=one.served, was_cost=was_cost, now=None, now_cost=None, wanted=wanted, usage=one.usage,
                error=error.message,
            )  # fmt: skip
            continue
        now_cost = cost_of(catalog, chosen, one.usage)
        yield Replayed(was=one.served, was_cost=was_cost, now=chosen, now_cost=now_cost, wanted=wanted, usage=one.usage)


def cost_of(catalog: Catalog, full_id: str | None, usage: Usage) -> Decimal | None:
    """Return what `usage` costs at a model, in USD; `None` where its price is unknown."""
    row = catalog.models.get(full_id or "")
    return price.cost(row.price, usage) if row is not None else None


class Kind(Struct, frozen=True):
    """Requests of one kind in a mix: how many of a hundred, their tokens, and what they ask for."""

    name: str
    share: int
    input_tokens: int
    output_tokens: int
    min_quality: str
    needs: frozenset[str] = frozenset()


MIX: Final = (
    Kind("classify or extract", 20, 400, 20, "good"),
    Kind("short conversation", 20, 300, 250, "good"),
    Kind("answer from documents", 10, 4000, 400, "good"),
    Kind("write code with tools", 20, 3000, 1200, "high", frozenset({"function-calling"})),
    Kind("analyse and reason", 15, 1500, 900, "high", frozenset({"reasoning"})),
    Kind("summarise at length", 10, 20_000, 600, "high"),
    Kind("look at a picture", 5, 1200, 200, "high", frozenset({"vision"})),
)
"""A hundred requests, of which half ask for the quality tier high."""


def mix(premium: str) -> list[Stored]:
    """Return the requests of `MIX`, each answered by the model `premium`."""
    return [
        Stored(
            wanted=Wanted(
                model=AUTO,
                needs=kind.needs,
                input_tokens=kind.input_tokens,
                output_tokens=kind.output_tokens,
                min_quality=kind.min_quality,
            ),
            served=premium,
            usage=Usage(input_tokens=kind.input_tokens, output_tokens=kind.output_tokens),
        )
        for kind in MIX
        for _ in range(kind.share)
    ]


def premium_of(rows: Iterable[ModelInfo]) -> str:
    """Return the full id of the model of median price among those of the highest tier that can do all of `MIX`.

    Neither the dearest nor the cheapest of them, so that a saving against it is neither made nor lost by the choice.
    """
    needs = frozenset[str]().union(*(kind.needs for kind in MIX))
    best = sorted(
        (row.mean_price, row.full_id)
        for row in rows
        if row.quality_tier == "highest" and not row.deprecated and needs <= row.capabilities and row.mean_price
    )
    if not best:
        raise InvalidRequestError("no provider in use has a model of the highest tier with a known price")
    return best[len(best) // 2][1]


def total(costs: Sequence[Decimal | None]) -> Decimal | None:
    """Return the sum, `None` where any part is unknown."""
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None
