"""What stored requests would have been answered by under another strategy, and what that would have cost.

The same planner decides as for a request of today, over today's catalog and with everybody well. Money is what the
catalog's prices make of the tokens that were used.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

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
from wye.routing.strategies import strategy_named
from wye.surfaces import openai_chat


class Stored(Struct, frozen=True, kw_only=True):
    """A request of before: what it wanted, who answered (a full id), what was used and what it cost in USD.

    `supposed` tells that nobody said who answered: it is who would today, asked as the request was.
    """

    wanted: Wanted
    served: str | None = None
    supposed: bool = False
    usage: Usage = Usage()
    cost: Decimal | None = None


class Replayed(Struct, frozen=True, kw_only=True):
    """One request then and now: full ids, USD (`None` where unknown), and why nobody would answer, if so.

    `supposed` is as in `Stored`.
    """

    was: str | None
    was_cost: Decimal | None
    now: str | None
    now_cost: Decimal | None
    wanted: Wanted
    usage: Usage
    supposed: bool = False
    error: str | None = None


class _Details(Struct):
    """What is told apart in a count."""

    cached_tokens: int | None = None


class _Used(Struct):
    """The counts of an answer in OpenAI's forms, or in Anthropic's, which counts what is cached beside the input."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Line(Struct):
    """One line of a file: a request body, one under `request` with what became of it, or a line of our request log.

    A request may say the `strategy` it was asked under, and the `usage` of its answer as any API counts it.
    """

    model: str | None = None
    provider: str | None = None
    strategy: str | None = None
    messages: Raw = Raw()
    request: Raw = Raw()
    usage: _Used | None = None
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
    usage, known = _usage(said)
    wanted, supposed = Wanted(model=AUTO), None
    if body is not None:
        members = _decode_members(body)
        call = openai_chat.parse_request(msgspec.json.encode({**members, "model": Raw(b'"auto"')}))
        wanted, _ = Reader().read(call, Wishes(strategy="balanced"), planner)
        produced = min(TYPICAL_OUTPUT_TOKENS, wanted.output_tokens or TYPICAL_OUTPUT_TOKENS)
        usage = structs.replace(
            usage,
            input_tokens=usage.input_tokens or wanted.input_tokens,
            output_tokens=usage.output_tokens or produced,
        )
        supposed = _supposed(members, said.strategy, wanted, planner)
    elif not known:
        return None
    served = said.model if body is not line or said.provider else None
    if served and said.provider:
        served = f"{said.provider}/{served}"
    wanted = structs.replace(wanted, input_tokens=usage.input_tokens)
    return Stored(
        wanted=wanted,
        served=served or supposed,
        supposed=served is None and supposed is not None,
        usage=usage,
        cost=said.cost_usd,
    )


def _usage(said: _Line) -> tuple[Usage, bool]:
    """Return what a line says was used, zero where it does not, and whether it says both sides."""
    used = said.usage or _Used()
    given = said.input_tokens or used.prompt_tokens or used.input_tokens
    produced = said.output_tokens or used.completion_tokens or used.output_tokens
    details = used.prompt_tokens_details or used.input_tokens_details or _Details()
    beside = (used.cache_read_input_tokens or 0) + (used.cache_creation_input_tokens or 0)
    usage = Usage(
        input_tokens=(given or 0) + (beside if said.input_tokens is None else 0),
        output_tokens=produced or 0,
        cache_read_tokens=used.cache_read_input_tokens or details.cached_tokens or 0,
        cache_write_tokens=used.cache_creation_input_tokens or 0,
    )
    return usage, given is not None and produced is not None


def _supposed(members: dict[str, Raw], strategy: str | None, wanted: Wanted, planner: Planner) -> str | None:
    """Return who would answer a request today as it was asked, `None` where nobody would or no model was named."""
    model = msgspec.json.decode(members["model"]) if "model" in members else None
    named = strategy_named(strategy, "strategy") if strategy else None
    if not isinstance(model, str):
        return None
    try:
        return planner.plan(structs.replace(wanted, model=model, strategy=named)).attempts[0].full_id
    except WyeError:
        return None


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
                supposed=one.supposed, error=error.message,
            )  # fmt: skip
            continue
        yield Replayed(
            was=one.served, was_cost=was_cost, now=chosen, now_cost=cost_of(catalog, chosen, one.usage), wanted=wanted,
            usage=one.usage, supposed=one.supposed,
        )  # fmt: skip


def cost_of(catalog: Catalog, full_id: str | None, usage: Usage) -> Decimal | None:
    """Return what `usage` costs at a model, in USD; `None` where its price is unknown.

    A conversation that moves as a whole has as much of it cached at the other model, where that caches at all.
    """
    row = catalog.models.get(full_id or "")
    if row is None:
        return None
    if row.price.cache_read is None:
        usage = structs.replace(usage, cache_read_tokens=0)
    if row.price.cache_write is None:
        usage = structs.replace(usage, cache_write_tokens=0)
    return price.cost(row.price, usage)


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
