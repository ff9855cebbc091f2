"""Answers that are kept, over HTTP: who gets one, what it looks like, and what it costs."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.callers import callers
from tests.support.callers.talk import TOOLS, Ask
from tests.support.catalog_house import House, catalog_house, chat_surfaces, model_for
from tests.support.databases import config_for
from tests.support.gateway import PATIENCE, Address, Answer, Running, provider, read, serving
from tests.support.imitation import wires
from tests.support.openai_wire import answer, completion, refusal, stream, words
from tests.support.redis import redis_server
from tests.support.upstream import Cut, Hang, Hold, Reply, Upstream

from wye import adapters
from wye.catalog.schema import ModelInfo

CALLERS = {name: caller for name, caller in callers().items() if name in chat_surfaces()}
WIRES = sorted(adapters.built_in() & wires())
ADMIN = "wye-admin-0123456789abcdefghij"
CACHE = "[cache]\nenabled = true\n"


# --- Every client API before every wire ---


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with catalog_house(CACHE) as running:
        yield running


CASES = [
    pytest.param(surface, model, wire, streamed, tools, id=f"{surface}-{wire}-{streamed=}-{tools=}")
    for surface in sorted(CALLERS)
    for wire in WIRES
    for streamed in (False, True)
    for tools in (False, True)
    if (model := model_for(wire, *(["function-calling"] if tools else []))) is not None
    and not (tools and surface == "openai_completions")
]


@pytest.mark.parametrize(("surface", "model", "wire", "streamed", "tools"), CASES)
def test_the_second_answer_is_the_first_one_over_every_api(
    house: House, surface: str, model: ModelInfo, wire: str, *, streamed: bool, tools: bool
) -> None:
    caller = CALLERS[surface]
    text = f"{surface} {wire} {streamed}" + ('\ncall get_time {"zone": "CET"}' if tools else "")
    asks = caller.request(
        Ask(model=model.full_id, items=caller.user(text), stream=streamed, tools=TOOLS if tools else {})
    )

    def ask() -> Answer:
        found = house.gateway.request("POST", asks.path, asks.encoded, asks.headers)
        assert found.status == 200, found.body
        return found

    before = len(house.imitation.heard)
    first = ask()
    second = ask()
    assert [first.headers["x-wye-cache"], second.headers["x-wye-cache"]] == ["miss", "hit"]
    assert len(house.imitation.heard) == before + 1
    understand = caller.stream if streamed else caller.whole
    seen, again = understand(first.body), understand(second.body)
    assert again == seen or without_ids(again) == without_ids(seen)
    assert second.headers["age"].isdigit()
    assert second.headers["x-wye-provider"] == model.provider
    assert second.headers["x-wye-model"] == first.headers["x-wye-model"]


def without_ids(seen: Any) -> Any:
    """Return what a client saw without the ids that Wye made up, where the provider has none."""
    return seen.text, seen.reasoning, [(call.name, call.arguments) for call in seen.calls], seen.finish


# --- One provider ---


@pytest.fixture(scope="module")
def _served() -> Iterator[tuple[Upstream, Running]]:
    with Upstream() as upstream:
        settings = [
            provider("up", upstream.url),
            '[aliases]\nfast = ["up/priced"]\n',
            '[models."up/priced"]\ninput_cost_per_million = 1.0\noutput_cost_per_million = 10.0\n',
            '[models."up/vectors"]\ncapabilities = ["embeddings"]\n',
            CACHE,
        ]
        with serving("\n".join(settings)) as gateway:
            yield upstream, gateway


@pytest.fixture
def upstream(_served: tuple[Upstream, Running]) -> Upstream:
    upstream = _served[0]
    upstream.received.clear()
    upstream.handler = None
    upstream.disconnects = 0
    return upstream


@pytest.fixture
def gateway(_served: tuple[Upstream, Running]) -> Running:
    return _served[1]


def states(*answers: Answer) -> list[str]:
    return [answer.headers["x-wye-cache"] for answer in answers]


def test_a_kept_answer_is_the_providers_to_the_byte_and_costs_nothing(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(answer("kept"))
    first, second = gateway.chat("fast", "to the byte"), gateway.chat("up/priced", "to the byte", user="me")
    assert states(first, second) == ["miss", "hit"]
    assert first.body == second.body
    assert (first.headers["x-wye-cost-usd"], second.headers["x-wye-cost-usd"]) == ("0.000023", "0")
    assert (second.headers["x-wye-attempts"], second.headers["age"]) == ("0", "0")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert len(upstream.received) == 1
    assert gateway.wait_line(request_id=second.headers["x-request-id"])["cache"] == "hit"


def test_a_kept_stream_is_the_providers_to_the_byte(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(stream("Hel", "lo"))
    first, second = (gateway.chat("up/priced", "stream", stream=True) for _ in range(2))
    assert states(first, second) == ["miss", "hit"]
    assert first.events == second.events
    assert second.comments == [b"x-wye-cost-usd 0"]


@pytest.mark.parametrize(
    ("headers", "then"),
    [
        ({"x-wye-no-cache": "true"}, ["miss", "bypass", "hit"]),
        ({"cache-control": "no-store"}, ["miss", "bypass", "hit"]),
        ({"cache-control": "max-age=0, no-cache"}, ["miss", "bypass", "hit"]),
        ({"cache-control": "max-age=100"}, ["miss", "hit", "hit"]),
        ({"x-wye-no-cache": "false"}, ["miss", "hit", "hit"]),
    ],
)
def test_callers_say_whether_a_kept_answer_will_do(
    gateway: Running, upstream: Upstream, headers: dict[str, str], then: list[str]
) -> None:
    upstream.reply_with(answer("old"), answer("new"))
    text = str(headers)
    told = [gateway.chat("up/m", text), gateway.chat("up/m", text, headers), gateway.chat("up/m", text)]
    assert states(*told) == then
    kept = told[2].json["choices"][0]["message"]["content"]
    assert kept == ("new" if "no-cache" in headers.get("cache-control", "") else "old")


def test_a_wish_that_cannot_be_read_is_refused(gateway: Running) -> None:
    refused = gateway.chat("up/m", headers={"x-wye-no-cache": "maybe"})
    assert (refused.status, refused.error["param"]) == (400, "x-wye-no-cache")


def test_an_error_is_not_kept(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(refusal(400), answer("well"))
    failed, well = gateway.chat("up/m", "an error"), gateway.chat("up/m", "an error")
    assert (failed.status, well.status) == (400, 200)
    assert states(failed, well) == ["miss", "miss"]


def test_an_answer_that_was_cut_short_is_not_kept(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json(completion("Hel", finish_reason="length")))
    assert states(*(gateway.chat("up/m", "cut short") for _ in range(2))) == ["miss", "miss"]


def test_a_stream_that_broke_off_is_not_kept(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([*words("Hel"), Cut()]), stream("Hello"))
    first, second = (gateway.chat("up/m", "broke off", stream=True) for _ in range(2))
    assert states(first, second) == ["miss", "miss"]
    assert second.events[-1] == b"[DONE]"


def test_embeddings_are_kept(gateway: Running, upstream: Upstream) -> None:
    vector = {"object": "embedding", "index": 0, "embedding": [0.25, -1.0]}
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    upstream.reply_with(Reply.json({"object": "list", "model": "v", "data": [vector], "usage": usage}))
    body = json.dumps({"model": "up/vectors", "input": "a text"}).encode()
    first, second = (gateway.request("POST", "/v1/embeddings", body) for _ in range(2))
    assert first.status == 200, first.body
    assert states(first, second) == ["miss", "hit"]
    assert first.json == second.json
    assert len(upstream.received) == 1


def test_the_application_api_keeps_answers_too(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(answer("kept"))
    body = json.dumps({"prompt": "over /api", "model": "up/m"}).encode()
    told = [gateway.request("POST", "/api/models/generate", body) for _ in range(2)]
    assert [one.status for one in told] == [200, 200]
    assert len(upstream.received) == 1


# --- At once ---


def at_once(gateway: Running, number: int, **members: Any) -> list[Answer]:
    """Ask the same from so many connections and return the answers."""

    def ask(_: int) -> Answer:
        own = Address(gateway.port)
        try:
            return own.chat("up/m", **members)
        finally:
            own.hang_up()

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(ask, range(number)))


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_fifty_at_once_are_one_call(gateway: Running, upstream: Upstream, *, streamed: bool) -> None:
    let_go = threading.Event()
    told = stream("Hel", "lo") if streamed else answer("Hello")
    told.before = Hold(let_go) if not streamed else None
    if streamed:
        told.pieces = [told.pieces[0], told.pieces[1], Hold(let_go), *told.pieces[2:]]
    upstream.reply_with(told)
    cache = gateway.gateway.engine.cache
    assert cache is not None
    counts = cache.counts
    seen = sum(counts.values())
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(at_once, gateway, 50, text=f"fifty {streamed}", stream=streamed)
        wait_until(lambda: sum(counts.values()) == seen + 50)
        let_go.set()
        answers = asking.result(PATIENCE)
    assert sorted(states(*answers)) == ["hit"] * 49 + ["miss"]
    assert len({tuple(one.events) if streamed else one.body for one in answers}) == 1
    assert len(upstream.received) == 1


def wait_until(so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.005)


def test_a_client_that_began_a_call_may_leave_it_to_others(gateway: Running, upstream: Upstream) -> None:
    let_go = threading.Event()
    first, *rest = stream("Hel", "lo").pieces
    upstream.reply_with(Reply.stream([first, rest[0], Hold(let_go), *rest[1:]]))
    leaves, stays = Address(gateway.port), Address(gateway.port)
    begun = leaves.begin("up/m", "leaves", stream=True)
    begun.read(10)
    joined = stays.begin("up/m", "leaves", stream=True)
    assert joined.headers["x-wye-cache"] == "hit"
    begun.close()
    leaves.hang_up()
    left = gateway.wait_line(request_id=begun.headers["x-request-id"])
    assert left["status"] == 499
    let_go.set()
    assert read(joined).events[-1] == b"[DONE]"
    assert upstream.disconnects == 0
    stays.hang_up()


def test_the_last_client_to_leave_ends_the_call(gateway: Running, upstream: Upstream) -> None:
    first, *_ = stream("Hel", "lo").pieces
    upstream.reply_with(Reply.stream([first, words("Hel")[1], Hang()]))
    clients = [Address(gateway.port) for _ in range(3)]
    begun = [client.begin("up/m", "all leave", stream=True) for client in clients]
    for one in begun:
        one.read(10)
    assert len(upstream.received) == 1
    for one, client in zip(begun, clients, strict=True):
        assert upstream.disconnects == 0
        one.close()
        client.hang_up()
        gateway.wait_line(request_id=one.headers["x-request-id"])
    assert upstream.wait_disconnect(PATIENCE)


# --- Nobody else's ---


def test_an_answer_is_its_users_alone_with_whichever_key_they_ask(sqlite_template: Path, tmp_path: Path) -> None:
    file = tmp_path / "wye.db"
    shutil.copy(sqlite_template, file)
    with Upstream() as upstream:
        settings = f'[server]\nadmin_key = "{ADMIN}"\n{provider("up", upstream.url)}{CACHE}'
        environ = {"WYE_SECRET_KEY": "a secret for these tests"}
        with serving(settings, environ=environ, store=config_for(f"sqlite:///{file}")) as gateway:

            def made(path: str, **body: Any) -> Any:
                headers = {"authorization": f"Bearer {ADMIN}"}
                told = gateway.request("POST", path, json.dumps(body).encode(), headers)
                assert told.status == 201, told.body
                return told.json

            made("/api/teams", name="red", id="red")
            for user in ("ann", "bob"):
                made("/api/users", name=user, id=user, teamId="red")
            keys = [made("/api/keys", userId=user, scopes=["use"])["key"] for user in ("ann", "bob", "ann")]
            told = []
            for number, key in enumerate([*keys, ADMIN]):
                upstream.reply_with(answer(f"answer {number}"))
                told.append(gateway.chat("up/m", "mine", {"authorization": f"Bearer {key}"}))
            page = gateway.get("/metrics", {"authorization": f"Bearer {keys[0]}"})
    assert states(*told) == ["miss", "miss", "hit", "miss"]
    assert told[2].body == told[0].body
    assert page.status == 403


# --- Shared by processes ---


def test_gateways_share_answers_through_redis_and_serve_without_it() -> None:
    with redis_server() as redis, Upstream() as upstream:
        upstream.reply_with(answer("kept"))
        shared = f'{provider("up", upstream.url)}[state]\nurl = "{redis.url}"\ntimeout = 0.05\n{CACHE}'
        with serving(shared) as one, serving(shared) as other:
            first = one.chat("up/m", "shared")
            wait_until(lambda: bool(redis.client().keys("{wye}:answer:*")))
            second = other.chat("up/m", "shared")
            assert states(first, second) == ["miss", "hit"]
            assert first.body == second.body
            upstream.reply_with(stream("Hel", "lo"))
            streams = [gateway.chat("up/m", "shared", stream=True) for gateway in (one, one)]
            wait_until(lambda: len(redis.client().keys("{wye}:answer:*")) == 2)
            streams.append(other.chat("up/m", "shared", stream=True))
            assert states(*streams)[-1] == "hit"
            assert streams[0].events == streams[2].events
            redis.kill()
            upstream.reply_with(answer("new"))
            assert states(other.chat("up/m", "shared")) == ["miss"]


def test_nothing_is_said_of_a_cache_that_is_off() -> None:
    with Upstream() as upstream, serving(provider("up", upstream.url)) as gateway:
        upstream.reply_with(answer("new"))
        told = [gateway.chat("up/m", headers={"x-wye-no-cache": "true"}) for _ in range(2)]
    assert len(upstream.received) == 2
    assert not {"x-wye-cache", "age"} & {name for one in told for name in one.headers}
