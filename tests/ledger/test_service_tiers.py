"""What was served in another tier of service than the usual one costs what that tier costs, or nobody knows what."""

import datetime
import json
from collections.abc import Iterator
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.openai_wire import DONE, completion, event, words
from tests.support.upstream import Reply, Upstream

from wye import catalog
from wye.catalog.schema import ModelInfo, Price, PriceTier, PriceWindow, ServiceTier
from wye.config import load_settings
from wye.core.exchange import Exchange
from wye.core.record import UsageRecord
from wye.core.usage import Usage
from wye.engine import Engine
from wye.ledger.books import Books
from wye.ledger.expected import Expected, asked_tier
from wye.ledger.price import Rater, cost, version_of
from wye.surfaces.openai_chat import parse_request

D = Decimal
ROWS = catalog.load()
MILLION = 10**6
PRICE = Price(
    input=D(2),
    output=D(10),
    cache_read=D(1),
    per_search=D("0.01"),
    tiers=(PriceTier(above_input_tokens=1000, input=D(4), output=D(20), cache_read=D(3)),),
    services={
        "priority": ServiceTier(
            input=D(5), output=D(25), tiers=(PriceTier(above_input_tokens=1000, input=D(8), output=D(50)),)
        ),
        "flex": ServiceTier(input=D(1), output=D(5)),
        "batch": ServiceTier(factor=D("0.5")),
        "us": ServiceTier(factor=D("1.1")),
    },
)


@pytest.mark.parametrize(
    ("service", "usage", "expected"),
    [
        (None, Usage(input_tokens=1000, output_tokens=100), "0.003"),
        ("", Usage(input_tokens=1000, output_tokens=100), "0.003"),
        ("priority", Usage(input_tokens=1000, output_tokens=100), "0.0075"),
        ("priority", Usage(input_tokens=2000, output_tokens=100), "0.021"),
        ("priority", Usage(input_tokens=1000, cache_read_tokens=1000), "0.001"),
        ("flex", Usage(input_tokens=2000, output_tokens=100), "0.0025"),
        ("batch", Usage(input_tokens=1000, output_tokens=100), "0.0015"),
        ("batch", Usage(input_tokens=2000, cache_read_tokens=1000, output_tokens=100), "0.0045"),
        ("batch", Usage(input_tokens=1000, search_requests=3), "0.031"),
        ("priority+us", Usage(input_tokens=1000, output_tokens=100), "0.00825"),
        ("scale", Usage(input_tokens=1000, output_tokens=100), None),
        ("priority+scale", Usage(input_tokens=1000, output_tokens=100), None),
    ],
)
def test_each_tier_of_service_has_its_own_price(service: str | None, usage: Usage, expected: str | None) -> None:
    counted = structs.replace(usage, service=service)
    rater = Rater()
    assert rater.cost(PRICE, counted) == (None if expected is None else D(expected))
    assert rater.cost(PRICE, counted) == (None if expected is None else D(expected)), "nor when it is asked again"
    assert rater.cost(PRICE, Usage(input_tokens=1000, output_tokens=100)) == D("0.003")


def test_what_is_free_is_free_in_any_tier() -> None:
    assert cost(Price(input=D(0), output=D(0)), Usage(input_tokens=5, service="priority")) == 0


def test_the_price_in_force_at_an_hour_has_tiers_of_its_own() -> None:
    later = PriceWindow(
        starts_on=datetime.date(2026, 12, 1), input=D(4), services={"flex": ServiceTier(factor=D("0.25"))}
    )
    price = Price(input=D(2), services={"flex": ServiceTier(input=D(1))}, windows=(later,))
    usage = Usage(input_tokens=MILLION, service="flex")
    months = [datetime.datetime(2026, month, 2, tzinfo=datetime.UTC) for month in (11, 12)]
    assert [cost(price, usage, at=month) for month in months] == [D(1), D(1)]
    none_later = Price(input=D(2), services={"flex": ServiceTier(input=D(1))}, windows=(PriceWindow(
        starts_on=datetime.date(2026, 12, 1), input=D(4)),))  # fmt: skip
    assert [cost(none_later, usage, at=month) for month in months] == [D(1), None]


def test_the_version_of_a_price_changes_with_its_tiers() -> None:
    assert version_of(Price(input=D(1))) != version_of(
        Price(input=D(1), services={"flex": ServiceTier(factor=D("0.5"))})
    )


def test_the_catalog_knows_what_openai_asks_for_priority_and_flex() -> None:
    price = ROWS.models["openai/gpt-5"].price
    usage = Usage(input_tokens=10_000, cache_read_tokens=4000, output_tokens=1000)
    by_hand = {"": "0.018", "priority": "0.036", "flex": "0.009", "batch": "0.009"}
    found = {name: cost(price, structs.replace(usage, service=name)) for name in by_hand}
    assert found == {name: D(usd) for name, usd in by_hand.items()}


# --- What a request asks for ---


def body(**more: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}).encode()


@pytest.mark.parametrize(
    ("asked", "tier"),
    [
        (body(), None),
        (body(service_tier="auto"), None),
        (body(service_tier="priority"), "priority"),
        (body(serviceTier="SERVICE_TIER_FLEX"), "flex"),
        (body(serviceTier={"type": "flex"}), "flex"),
        (body(service_tier="standard_only", speed="fast"), "fast"),
        (body(speed="fast", inference_geo="us"), "fast+us"),
        (body(user='say "service_tier":"priority"'), None),
        (body(user="x" * 50_000, service_tier="flex"), "flex"),
        (body(service_tier=5), None),
        (body(metadata={"service_tier": "gold"}), None),
        (body(tools=[{"parameters": {"properties": {"speed": {"type": "number"}}}}], inference_geo="us"), "us"),
    ],
)
def test_the_tier_that_a_request_asks_for_is_read_from_its_body(asked: bytes, tier: str | None) -> None:
    assert asked_tier(parse_request(asked)) == tier


@pytest.mark.parametrize(
    ("more", "hold"),
    [
        ({}, 3000),
        ({"service_tier": "priority"}, 7500),
        ({"service_tier": "flex"}, 3000),
        ({"service_tier": "scale"}, 3000),
        ({"service_tier": "priority", "speed": "fast"}, 7500),
    ],
)
def test_a_hold_is_for_the_dearer_of_the_tier_asked_for_and_the_usual_one(more: dict[str, str], hold: int) -> None:
    row = ModelInfo(id="m", provider="p", price=PRICE)
    assert Expected().cost(row, parse_request(body(**more)), 1000, 100) == hold * MILLION


# --- Through the engine ---


class Kept:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.records: list[UsageRecord] = []

    def observe(self, record: UsageRecord) -> None:
        self.records.append(record)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def made(kept: Kept, upstream: Upstream, tmp_path: Path) -> Engine:
    path = tmp_path / "wye.toml"
    path.write_text(
        f'[retry]\nmax_retries = 0\n[providers.here]\nbase_url = "{upstream.url}/v1"\nallow_private_network = true\n'
        '[models."here/m"]\ninput_cost_per_million = 1\noutput_cost_per_million = 10\n'
        '[models."here/m".service_tiers]\npriority = 2\nscale = 0\n'
    )
    return Engine(load_settings(ROWS, path=path, environ={}), ROWS, books=Books(meters=[kept]))


async def ask(made: Engine, *, stream: bool, **more: str) -> Exchange:
    asked = {"model": "here/m", "stream": stream, "messages": [{"role": "user", "content": "hi"}], **more}
    exchange = made.begin(parse_request(json.dumps(asked).encode()))
    if stream:
        async with made.pieces(exchange) as batches:
            async for _ in batches:
                pass
    else:
        await made.complete(exchange)
    return exchange


def reply(tier: str | None, *, stream: bool) -> Reply:
    told = {} if tier is None else {"service_tier": tier}
    if not stream:
        return Reply.json(completion("Hi") | told)
    usage = event(usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})
    said = json.loads(usage.removeprefix(b"data: ")) | told
    last = b"data: " + json.dumps(said, separators=(",", ":")).encode() + b"\n\n"
    return Reply.stream([*words("Hi"), event(finish_reason="stop"), last, DONE])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("asked", "told", "micro", "named"),
    [
        ({}, None, 23, None),
        ({}, "default", 23, None),
        ({}, "priority", 46, "priority"),
        ({"service_tier": "priority"}, "default", 23, None),
        ({"service_tier": "priority"}, None, 46, "priority"),
        ({"service_tier": "gold"}, None, 23, None),
        ({"service_tier": "priority", "speed": "fast"}, None, 46, "priority"),
        ({}, "scale", 0, "scale"),
        ({}, "flex", None, "flex"),
    ],
)
async def test_the_books_go_by_the_tier_that_the_provider_names(
    made: Engine, kept: Kept, upstream: Upstream, asked: dict[str, str], told: str | None, micro: int | None,
    named: str | None, *, stream: bool,
) -> None:  # fmt: skip
    upstream.reply_with(reply(told, stream=stream))
    async with aclosing(made):
        exchange = await ask(made, stream=stream, **asked)
    (record,) = kept.records
    assert record.cost == (None if micro is None else micro * MILLION)
    assert exchange.cost == (None if micro is None else D(micro) / MILLION)
    assert record.prices is not None
    assert record.prices.partition("@")[2] == (named or "")
