"""Every key of a provider is used, over real connections; one that fails gives way, and none is ever shown."""

import asyncio
import json

import msgspec
import pytest
from tests.dispatch.calls import Upstreams, exchange_to, said, streamed
from tests.dispatch.wires import OPENAI
from tests.support.upstream import Hang, Received, Reply
from tests.support.upstream import Upstream as Server

from wye.catalog.schema import Provider
from wye.core.errors import OverloadedError, ProviderAuthenticationError, RateLimitError, UpstreamError, WyeError
from wye.core.secret import Secret
from wye.dispatch import walk
from wye.dispatch.factory import ModelProviderFactory
from wye.dispatch.upstream import Upstream
from wye.health import BreakerConfig, Health, ProviderKeys

KEYS = tuple(Secret(f"sk-canary-{name}-0123456789abcdef") for name in ("one", "two", "three"))
ANSWER = Reply.json(OPENAI.whole)


def house(server: Server, *keys: Secret, config: BreakerConfig | None = None) -> tuple[Upstream, Health]:
    row = Provider(id="one", name="One", adapter="openai_chat", base_url=server.url)
    health = Health(config)
    health.configure({"one": ProviderKeys(keys=keys)}, {})
    return ModelProviderFactory().build(row, models={}, keys=keys), health


def key_of(request: Received) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


def used(server: Server) -> list[str]:
    return [key_of(request).split("-")[2] for request in server.received]


async def test_keys_take_turns_on_connections_that_are_kept(server: Server) -> None:
    server.handler = lambda _: ANSWER
    upstream, health = house(server, *KEYS)
    async with Upstreams(one=upstream) as upstreams:
        for _ in range(9):
            await walk.complete(exchange_to("one"), upstreams, health)
    assert used(server) == ["one", "two", "three"] * 3
    assert server.connections == 1


async def test_the_key_with_fewer_streams_under_way_is_next(server: Server) -> None:
    server.handler = lambda request: (
        Reply.stream([*OPENAI.pieces[:2], Hang()]) if b'"stream":true' in request.body.replace(b" ", b"") else ANSWER
    )
    upstream, health = house(server, *KEYS[:2])
    async with Upstreams(one=upstream) as upstreams:
        hanging = asyncio.ensure_future(streamed_with(health, upstreams))
        assert await asyncio.to_thread(server.wait_received, 5)
        for _ in range(4):
            await walk.complete(exchange_to("one"), upstreams, health)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert used(server) == ["one", "two", "two", "two", "two"]
        assert [key.in_flight for key in health.providers["one"].ring.keys] == [0, 0]


async def streamed_with(health: Health, upstreams: Upstreams) -> str:
    return said(await streamed(exchange_to("one", stream=True), upstreams, health))


@pytest.mark.parametrize(
    "refusal", [Reply.json({"error": {"message": "no"}}, 401), Reply.json({"error": {"message": "no"}}, 429)]
)
async def test_a_dead_key_is_asked_once_and_the_callers_do_not_notice(server: Server, refusal: Reply) -> None:
    dead = KEYS[0].reveal()
    server.handler = lambda request: refusal if key_of(request) == dead else ANSWER
    upstream, health = house(server, *KEYS)
    failed = 0
    async with Upstreams(one=upstream) as upstreams:
        for _ in range(12):
            try:
                await walk.complete(exchange_to("one"), upstreams, health)
            except WyeError:
                failed += 1
    assert used(server).count("one") == 1
    assert failed <= 1


async def test_a_key_that_the_settings_gained_is_used_by_calls_of_before(server: Server) -> None:
    server.handler = lambda _: ANSWER
    upstream, health = house(server, KEYS[0])
    health.configure({"one": ProviderKeys(keys=KEYS[1:2])}, {})
    async with Upstreams(one=upstream) as upstreams:
        await walk.complete(exchange_to("one"), upstreams, health)
    assert used(server) == ["two"]


@pytest.mark.parametrize("key", KEYS, ids=["first", "second", "third"])
async def test_no_key_is_shown_where_the_provider_repeats_it(server: Server, key: Secret) -> None:
    text = f"Incorrect API key provided: {key.reveal()}; you also have {KEYS[0].reveal()}"
    server.handler = lambda _: Reply.json({"error": {"message": text}}, 401)
    upstream, health = house(server, *KEYS)
    async with Upstreams(one=upstream) as upstreams:
        with pytest.raises(ProviderAuthenticationError) as raised:
            await walk.complete(exchange_to("one"), upstreams, health)
    shown = (
        f"{raised.value} {raised.value!r} {raised.value.message} {json.dumps(msgspec.to_builtins(health.describe()))}"
    )
    assert not any(each.reveal() in shown for each in KEYS)


async def test_when_every_key_is_refused_nobody_is_asked_again(server: Server) -> None:
    server.handler = lambda _: Reply.json({"error": {"message": "no"}}, 401)
    upstream, health = house(server, *KEYS[:2])
    async with Upstreams(one=upstream) as upstreams:
        for _ in range(5):
            with pytest.raises(ProviderAuthenticationError):
                await walk.complete(exchange_to("one"), upstreams, health)
    assert sorted(used(server)) == ["one", "two"]


async def test_probes_that_leave_give_their_place_back(server: Server) -> None:
    upstream, health = house(server, config=BreakerConfig(open_seconds=0.05))
    async with Upstreams(one=upstream) as upstreams:
        server.handler = lambda _: Reply.json({"error": {"message": "broken"}}, 500)
        for _ in range(5):
            with pytest.raises((UpstreamError, OverloadedError)):
                await walk.complete(exchange_to("one"), upstreams, health)
        await asyncio.sleep(0.1)
        server.handler = lambda _: Reply.silence()
        server.received.clear()
        for _ in range(4):
            probes = [asyncio.ensure_future(walk.complete(exchange_to("one"), upstreams, health)) for _ in range(3)]
            assert await asyncio.to_thread(server.wait_received, 5, 3)
            assert health.providers["one"].breaker.state == "HALF_OPEN"
            for probe in probes:
                probe.cancel()
            await asyncio.gather(*probes, return_exceptions=True)
            server.received.clear()
        server.handler = lambda _: ANSWER
        for _ in range(3):
            await walk.complete(exchange_to("one"), upstreams, health)
    assert health.describe()["one"].status == "connected"


async def test_while_it_is_open_a_provider_is_not_called_and_the_caller_is_told_when_to_come_back(
    server: Server,
) -> None:
    server.handler = lambda _: Reply.json({"error": {"message": "broken"}}, 500)
    upstream, health = house(server)
    async with Upstreams(one=upstream) as upstreams:
        for _ in range(5):
            with pytest.raises((UpstreamError, OverloadedError)):
                await walk.complete(exchange_to("one"), upstreams, health)
        calls = len(server.received)
        assert calls == 5
        with pytest.raises(OverloadedError, match=r"failures in a row.*try again in \d+ s") as raised:
            await walk.complete(exchange_to("one", seconds=2.0), upstreams, health)
    assert len(server.received) == calls
    assert raised.value.retry_after == pytest.approx(60.0, abs=5.0)


async def test_a_cooling_provider_s_caller_gets_a_rate_limit_with_its_hint(server: Server) -> None:
    server.handler = lambda _: Reply.json({"error": {"message": "slow down"}}, 429, {"retry-after": "30"})
    upstream, health = house(server, KEYS[0])
    async with Upstreams(one=upstream) as upstreams:
        for _ in range(3):
            with pytest.raises(RateLimitError) as raised:
                await walk.complete(exchange_to("one", seconds=2.0), upstreams, health)
    assert len(server.received) == 1
    assert raised.value.retry_after == pytest.approx(30.0, abs=2.0)
