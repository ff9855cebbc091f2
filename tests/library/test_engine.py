"""The engine puts settings, catalog and providers together, and accounts for every exchange once."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.openai_wire import answer, event, refusal, stream
from tests.support.upstream import Hang, Reply, Upstream

from wye import catalog
from wye.config import load_settings
from wye.core.errors import (
    AddressRefusedError,
    ConfigurationError,
    ModelNotFoundError,
    RateLimitError,
    StreamInterruptedError,
    UpstreamTimeoutError,
)
from wye.core.exchange import Exchange
from wye.engine import Engine
from wye.surfaces.openai_chat import parse_request

ROWS = catalog.load()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def spare() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@asynccontextmanager
async def engine(tmp_path: Path, text: str, **environ: str) -> AsyncIterator[Engine]:
    path = tmp_path / "wye.toml"
    path.write_text(text)
    made = Engine(load_settings(ROWS, path=path, environ=environ), ROWS)
    try:
        yield made
    finally:
        await made.aclose()


ONCE = "[retry]\nmax_retries = 0\n"


def at(upstream: Upstream, name: str = "here", extra: str = "allow_private_network = true") -> str:
    return f'[providers.{name}]\nbase_url = "{upstream.url}/v1"\n{extra}\n'


def priced(model: str) -> str:
    return f'[models."{model}"]\ninput_cost_per_million = 1\noutput_cost_per_million = 10\n'


def begin(made: Engine, model: str, *, stream: bool = False) -> Exchange:
    asked = b'{"model":"%b","stream":%b,"messages":[{"role":"user","content":"hi"}]}'
    return made.begin(parse_request(asked % (model.encode(), b"true" if stream else b"false")))


async def drain(made: Engine, exchange: Exchange) -> None:
    async with made.pieces(exchange) as batches:
        async for _ in batches:
            pass


# Accounts: 3 tokens in and 2 out are $0.000023.

ONE = Decimal("0.000023")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_an_answer_is_priced(tmp_path: Path, upstream: Upstream, *, streamed: bool) -> None:
    upstream.reply_with(stream("Hi") if streamed else answer("Hi"))
    async with engine(tmp_path, at(upstream) + priced("here/m")) as made:
        exchange = begin(made, "here/m", stream=streamed)
        await (drain(made, exchange) if streamed else made.complete(exchange))
    assert (exchange.cost, exchange.cost_text, exchange.outcomes[0].cost) == (ONE, "0.000023", ONE)


async def test_a_failover_costs_the_sum_of_its_attempts(tmp_path: Path, upstream: Upstream, spare: Upstream) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    broken = {"error": {"message": "broke", "type": "server_error"}, "usage": usage}
    upstream.reply_with(
        Reply.stream([event(role="assistant", content=""), b"data: " + json.dumps(broken).encode() + b"\n\n"])
    )
    spare.reply_with(stream("Hi"))
    text = at(upstream, "one") + at(spare, "two") + priced("one/m") + priced("two/m")
    async with engine(tmp_path, text + '[aliases]\nboth = ["one/m", "two/m"]\n') as made:
        exchange = begin(made, "both", stream=True)
        await drain(made, exchange)
    assert [outcome.cost for outcome in exchange.outcomes] == [ONE, ONE]
    assert exchange.cost == 2 * ONE


async def test_an_attempt_that_was_refused_costs_nothing(tmp_path: Path, upstream: Upstream, spare: Upstream) -> None:
    upstream.reply_with(refusal(503))
    spare.reply_with(answer())
    text = at(upstream, "one") + at(spare, "two") + priced("two/m")
    async with engine(tmp_path, text + '[aliases]\nboth = ["one/m", "two/m"]\n') as made:
        exchange = begin(made, "both")
        await made.complete(exchange)
    assert [outcome.cost for outcome in exchange.outcomes] == [None, ONE]
    assert exchange.cost == ONE


async def test_what_is_not_known_is_not_zero(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(answer())
    async with engine(tmp_path, at(upstream)) as made:
        exchange = begin(made, "here/m")
        await made.complete(exchange)
        assert (exchange.cost, exchange.cost_text) == (None, None)
        upstream.reply_with(Reply.stream([event(content="Hi"), Hang()]))
        left = begin(made, "here/m", stream=True)
        async with made.pieces(left) as batches:
            await anext(batches)
    assert left.outcomes[0].cancelled
    assert left.cost is None


async def test_a_request_that_reached_nobody_has_no_cost_and_no_outcome(tmp_path: Path) -> None:
    async with engine(tmp_path, "") as made:
        exchange = begin(made, "nowhere")
        with pytest.raises(ModelNotFoundError):
            await made.complete(exchange)
    assert (exchange.outcomes, exchange.cost, exchange.settled) == ([], None, True)


async def test_an_exchange_is_settled_once(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(answer())
    async with engine(tmp_path, at(upstream) + priced("here/m")) as made:
        exchange = begin(made, "here/m")
        await made.complete(exchange)
        exchange.outcomes *= 2
        made.books.settle(exchange, made.snapshot.catalog)
    assert exchange.cost == ONE


# What settings become.


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_an_endpoint_of_the_file_is_public_unless_it_is_vouched_for(
    tmp_path: Path, upstream: Upstream, *, streamed: bool
) -> None:
    async with engine(tmp_path, at(upstream, extra="")) as made:
        exchange = begin(made, "here/m", stream=streamed)
        with pytest.raises(AddressRefusedError, match="allow_private_network"):
            await (drain(made, exchange) if streamed else made.complete(exchange))
    assert upstream.connections == 0


@pytest.mark.parametrize(("name", "variable"), [("vllm", "VLLM_BASE_URL"), ("openai", "OPENAI_BASE_URL")])
async def test_an_endpoint_of_the_environment_is_vouched_for(
    tmp_path: Path, upstream: Upstream, name: str, variable: str
) -> None:
    upstream.reply_with(answer("Hi"))
    async with engine(tmp_path, "", **{variable: f"{upstream.url}/v1", "OPENAI_API_KEY": "sk-x"}) as made:
        assert (await made.complete(begin(made, f"{name}/m"))).content == "Hi"


async def test_a_local_provider_of_the_file_needs_no_vouching(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(answer("Hi"))
    async with engine(tmp_path, at(upstream, "vllm", extra="")) as made:
        assert (await made.complete(begin(made, "vllm/m"))).content == "Hi"


async def test_keys_headers_and_models_of_the_file_reach_the_provider(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(answer())
    extra = 'allow_private_network = true\napi_keys = ["sk-1", "sk-2"]\nheaders = { x-team = "env:TEAM" }\n'
    async with engine(tmp_path, at(upstream, extra=extra), TEAM="blue") as made:
        await made.complete(begin(made, "here/org/model:tag"))
    (received,) = upstream.received
    assert (received.headers["authorization"], received.headers["x-team"]) == ("Bearer sk-1", "blue")
    assert received.json["model"] == "org/model:tag"
    assert received.path == "/v1/chat/completions"


@pytest.mark.parametrize(("setting", "streamed"), [("timeout", True), ("answer_timeout", False)])
async def test_a_provider_s_timeout_is_its_own(
    tmp_path: Path,
    upstream: Upstream,
    setting: str,
    streamed: bool,  # noqa: FBT001 - a parameter
) -> None:
    upstream.reply_with(Reply.silence())
    extra = f"allow_private_network = true\n{setting} = 0.1\n{ONCE}"
    async with engine(tmp_path, at(upstream, extra=extra)) as made:
        exchange = begin(made, "here/m", stream=streamed)
        with pytest.raises(UpstreamTimeoutError):
            await asyncio.wait_for(drain(made, exchange) if streamed else made.complete(exchange), 5)


async def test_what_the_file_says_of_a_model_goes_before_the_catalog(tmp_path: Path) -> None:
    text = """
        [models."openai/gpt-4o"]
        input_cost_per_million = 9
        context_window = 5
        capabilities = ["text", "function_calling"]
        latency_tier = "slow"
    """
    async with engine(tmp_path, text) as made:
        row = made.snapshot.catalog.models["openai/gpt-4o"]
        ours = ROWS.models["openai/gpt-4o"]
    assert (row.price.input, row.price.output) == (Decimal(9), ours.price.output)
    assert (row.context_window, row.latency_tier, row.name) == (5, "slow", ours.name)
    assert row.capabilities == {"text", "function-calling", "streaming"}
    assert row.aliases == ours.aliases


@pytest.mark.parametrize(
    ("text", "environ", "name", "reason"),
    [
        ("", {}, "openai/gpt-4o", "set OPENAI_API_KEY"),
        ("", {}, "gemini/gemini-1.5-flash", "set GEMINI_API_KEY or GOOGLE_API_KEY"),
        ("[providers.openai]\nenabled = false", {"OPENAI_API_KEY": "x"}, "openai/gpt-4o", "disabled"),
        ('[providers.openai]\napi_keys = ["env:UNSET"]', {}, "openai/gpt-4o", "set OPENAI_API_KEY"),
        ("[providers.runpod]\nname = 'mine'", {}, "runpod/m", "set RUNPOD_BASE_URL"),
    ],
)
async def test_what_is_missing_before_a_provider_can_be_asked_is_said(
    tmp_path: Path, text: str, environ: dict[str, str], name: str, reason: str
) -> None:
    async with engine(tmp_path, text, **environ) as made:
        plan = made.explain(name)
        assert plan.attempts == ()
        assert reason in plan.dropped[0].reason
        with pytest.raises(ModelNotFoundError) as raised:
            await made.complete(begin(made, name))
    assert reason in raised.value.message


@pytest.mark.parametrize(
    "text",
    [
        '[providers.here]\nbase_url = "http://x"\nadapter = "no_such_wire"\n',
        '[providers.openai]\nadapter = "no_such_wire"\napi_keys = ["x"]\n',
        '[providers.here]\nbase_url = "http://user:word@x"\n',
    ],
)
async def test_settings_that_cannot_work_are_an_error_at_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        async with engine(tmp_path, text):
            pass
    assert "word@" not in raised.value.message


async def test_a_local_provider_answers_at_once_where_it_is_named(tmp_path: Path) -> None:
    async with engine(tmp_path, "") as made:
        assert [attempt.full_id for attempt in made.explain("ollama/phi3:mini").attempts] == ["ollama/phi3:mini"]
        assert [attempt.provider for attempt in made.explain("auto").attempts] == ["mock"]


async def test_a_deadline_of_the_settings_holds_unless_the_caller_has_one(tmp_path: Path) -> None:
    async with engine(tmp_path, "[routing]\ndeadline = 7\n") as made:
        now = asyncio.get_running_loop().time()
        call = parse_request(b'{"model":"m","messages":[{"role":"user","content":"hi"}]}')
        assert made.begin(call).deadline == pytest.approx(now + 7, abs=1)
        assert made.begin(call, timeout=2).deadline == pytest.approx(now + 2, abs=1)


async def test_errors_of_a_stream_are_settled_as_well(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([event(content="Hi")]), refusal(429))
    async with engine(tmp_path, at(upstream) + ONCE) as made:
        for kind in (StreamInterruptedError, RateLimitError):
            exchange = begin(made, "here/m", stream=True)
            with pytest.raises(kind):
                await drain(made, exchange)
            assert exchange.settled
            assert len(exchange.outcomes) == 1
