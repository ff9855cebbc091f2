"""What is told of a request: one span for it, one for each call below it, figures, and no word of what was said."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id
from tests.support.gateway import catalog_rows, provider
from tests.support.openai_wire import DONE, USAGE, answer, completion, event, refusal, stream, words
from tests.support.upstream import Hang, Reply, Upstream

from wye.config import load_settings
from wye.core.errors import LimitExceededError, WyeError
from wye.core.exchange import Exchange
from wye.core.request import Asked
from wye.engine import Engine
from wye.surfaces import openai_chat
from wye.telemetry.spans import Tracing

KEY = "sk-canary-0123456789abcdefghij"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "the-secret-word"


class Told:
    """An engine and what it told."""

    def __init__(self, settings: Path, *, content: bool) -> None:
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        tracer = TracerProvider(shutdown_on_exit=False)
        tracer.add_span_processor(SimpleSpanProcessor(self.spans))
        tracing = Tracing(
            tracer,
            MeterProvider([self.reader], shutdown_on_exit=False),
            names=lambda name: f"the {name}",
            content=content,
        )
        loaded = load_settings(catalog_rows(), path=settings, environ={})
        self.engine = Engine(loaded, catalog_rows(), tracing=tracing)

    def exchange(self, model: str = "up/m", *, streamed: bool = False, **members: Any) -> Exchange:
        asked = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "{SECRET}"}}]'
        body = f'{asked}, "stream": true}}' if streamed else f"{asked}}}"
        exchange = self.engine.begin(openai_chat.parse_request(body.encode(), Asked()))
        for name, value in members.items():
            setattr(exchange, name, value)
        return exchange

    async def ask(self, *args: Any, **members: Any) -> Exchange:
        exchange = self.exchange(*args, **members)
        await self.engine.complete(exchange)
        return exchange

    async def read(self, **members: Any) -> Exchange:
        exchange = self.exchange(streamed=True, **members)
        async with self.engine.pieces(exchange) as batches:
            async for _ in batches:
                pass
        return exchange

    @property
    def request(self) -> ReadableSpan:
        (found,) = [span for span in self.spans.get_finished_spans() if span.kind is SpanKind.SERVER]
        return found

    @property
    def calls(self) -> list[ReadableSpan]:
        return [span for span in self.spans.get_finished_spans() if span.kind is SpanKind.CLIENT]

    @property
    def figures(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        assert data is not None
        metrics = [metric for one in data.resource_metrics for scope in one.scope_metrics for metric in scope.metrics]
        return {metric.name: list(metric.data.data_points) for metric in metrics}


def of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.fixture
def upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as first, Upstream() as second:
        yield first, second


@pytest.fixture
def settings(upstreams: tuple[Upstream, Upstream], tmp_path: Path) -> Path:
    path = tmp_path / "wye.toml"
    path.write_text("\n".join([
        provider("up", upstreams[0].url, f'api_keys = ["{KEY}"]'),
        provider("spare", upstreams[1].url, f'api_keys = ["{KEY}"]'),
        '[aliases]\neither = ["up/m", "spare/m"]\n',
        '[models."up/m"]\ninput_cost_per_million = 1.0\noutput_cost_per_million = 10.0\n',
        "[cache]\nenabled = true\n",
    ]))  # fmt: skip
    return path


@pytest.fixture
def told(settings: Path) -> Told:
    return Told(settings, content=False)


async def test_a_request_is_a_span_with_one_for_its_call_below(
    told: Told, upstreams: tuple[Upstream, Upstream]
) -> None:
    upstreams[0].reply_with(answer("Hi"))
    async with aclosing(told.engine):
        exchange = await told.ask()
    (call,) = told.calls
    assert call.parent is not None
    assert call.parent.span_id == told.request.context.span_id
    assert (call.name, told.request.name) == ("chat m", "chat")
    assert of(call) | {"wye.reason": ""} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "the up",
        "gen_ai.request.model": "m",
        "gen_ai.request.stream": False,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.cache_creation.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "wye.reason": "",
    }
    said = of(told.request)
    assert (said["gen_ai.request.model"], said["gen_ai.response.model"]) == ("up/m", "up/m")
    assert (said["wye.request.id"], said["wye.cost_usd"], said["wye.calls"]) == (exchange.id, 0.000023, 1)
    assert told.request.start_time == exchange.at * 1000


async def test_a_call_that_failed_and_the_one_after_it_are_two_spans(
    told: Told, upstreams: tuple[Upstream, Upstream]
) -> None:
    upstreams[0].reply_with(refusal(503))
    upstreams[1].reply_with(answer("Hi"))
    async with aclosing(told.engine):
        await told.ask("either")
    first, *_, last = told.calls
    assert (first.status.status_code, of(first)["error.type"]) == (StatusCode.ERROR, "overloaded")
    assert (last.status.status_code, of(last)["gen_ai.provider.name"]) == (StatusCode.UNSET, "the spare")
    assert told.request.status.status_code is StatusCode.UNSET


async def test_a_trace_goes_on_from_the_caller_to_the_provider(
    told: Told, upstreams: tuple[Upstream, Upstream]
) -> None:
    upstreams[0].reply_with(answer("Hi"))
    async with aclosing(told.engine):
        await told.ask(traceparent=PARENT)
    trace, span = PARENT.split("-")[1:3]
    assert told.request.parent is not None
    assert f"{told.request.parent.span_id:016x}" == span
    (call,) = told.calls
    sent = upstreams[0].received[0].headers["traceparent"]
    assert sent.split("-")[1:3] == [trace, f"{call.context.span_id:016x}"]
    assert format_trace_id(call.context.trace_id) == trace


@pytest.mark.parametrize("broken", ["", "00-x", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\x00"])
async def test_a_parent_that_cannot_be_read_is_none(
    told: Told, upstreams: tuple[Upstream, Upstream], broken: str
) -> None:
    upstreams[0].reply_with(answer("Hi"))
    async with aclosing(told.engine):
        await told.ask(traceparent=broken)
    assert told.request.parent is None


async def test_figures_are_those_of_the_conventions(told: Told, upstreams: tuple[Upstream, Upstream]) -> None:
    upstreams[0].reply_with(stream("Hi"))
    async with aclosing(told.engine):
        await told.read()
        figures = told.figures
    tokens = {point.attributes["gen_ai.token.type"]: point.sum for point in figures["gen_ai.client.token.usage"]}
    assert tokens == {"input": 3, "output": 2}
    (duration,) = figures["gen_ai.client.operation.duration"]
    assert duration.count == 1
    assert duration.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "the up",
        "gen_ai.request.model": "m",
    }
    (first,) = figures["gen_ai.client.operation.time_to_first_chunk"]
    assert first.count == 1


async def test_who_leaves_is_told_as_such(told: Told, upstreams: tuple[Upstream, Upstream]) -> None:
    upstreams[0].reply_with(Reply.stream([*words("Hi"), Hang()]))
    async with aclosing(told.engine):
        exchange = told.exchange(streamed=True)
        async with told.engine.pieces(exchange) as batches:
            async for _ in batches:
                break
    assert of(told.calls[0])["error.type"] == "cancelled"
    assert of(told.request)["error.type"] == "cancelled"


async def test_an_answer_from_the_cache_is_a_span_without_a_call(
    told: Told, upstreams: tuple[Upstream, Upstream]
) -> None:
    upstreams[0].reply_with(answer("Hi"))
    async with aclosing(told.engine):
        await told.ask()
        told.spans.clear()
        await told.ask()
    assert told.calls == []
    assert (of(told.request)["wye.cache"], of(told.request)["wye.cost_usd"]) == ("hit", 0.0)


async def test_a_call_that_is_left_to_others_has_its_span(told: Told, upstreams: tuple[Upstream, Upstream]) -> None:
    upstreams[0].reply_with(Reply.stream([*words("Hi"), Hang()]))
    async with aclosing(told.engine):
        first, second = (asyncio.create_task(told.read()) for _ in range(2))
        await asyncio.to_thread(upstreams[0].wait_received, 5)
        for task in (first, second):
            task.cancel()
            await asyncio.wait([task])
    assert len(told.calls) == 1


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_nothing_that_was_said_is_told(
    told: Told, upstreams: tuple[Upstream, Upstream], *, streamed: bool
) -> None:
    upstreams[0].reply_with(stream("a-secret-answer") if streamed else answer("a-secret-answer"))
    async with aclosing(told.engine):
        await (told.read() if streamed else told.ask())
    everything = "".join(span.to_json() for span in told.spans.get_finished_spans())
    assert SECRET not in everything
    assert "a-secret-answer" not in everything


async def test_an_error_is_told_by_its_code_and_never_in_the_providers_words(
    told: Told, upstreams: tuple[Upstream, Upstream]
) -> None:
    upstreams[0].reply_with(refusal(400, f"your key {KEY} and {SECRET} are wrong"))
    async with aclosing(told.engine):
        with pytest.raises(WyeError):
            await told.ask()
    everything = "".join(span.to_json() for span in told.spans.get_finished_spans())
    assert told.request.status.status_code is StatusCode.ERROR
    assert KEY not in everything
    assert SECRET not in everything


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_what_was_said_is_told_where_the_operator_wants_that(
    settings: Path, upstreams: tuple[Upstream, Upstream], *, streamed: bool
) -> None:
    told = Told(settings, content=True)
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    whole = Reply.json(completion("Hello", tool_calls=[call]))
    upstreams[0].reply_with(stream("Hel", "lo") if streamed else whole)
    async with aclosing(told.engine):
        await (told.read() if streamed else told.ask())
    said = of(told.request)
    assert said["gen_ai.input.messages"] == f'[{{"role":"user","parts":[{{"type":"text","content":"{SECRET}"}}]}}]'
    text = '{"type":"text","content":"Hello"}'
    called = "" if streamed else ',{"type":"tool_call","id":"c1","name":"f","arguments":"{}"}'
    assert said["gen_ai.output.messages"] == (
        f'[{{"role":"assistant","parts":[{text}{called}],"finish_reason":"stop"}}]'
    )


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_what_is_told_of_an_answer_has_an_end_whatever_it_calls(
    settings: Path, upstreams: tuple[Upstream, Upstream], *, streamed: bool
) -> None:
    told, most = Told(settings, content=True), 256 * 1024
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "a" * (2 * most)}}
    pieces = [
        event(tool_calls=[call]),
        event(content="b" * most),
        event(finish_reason="stop"),
        event(usage=USAGE),
        DONE,
    ]
    whole = Reply.json(completion("b" * 100, tool_calls=[call]))
    upstreams[0].reply_with(Reply.stream(pieces) if streamed else whole)
    async with aclosing(told.engine):
        await (told.read() if streamed else told.ask())
    said = str(of(told.request)["gen_ai.output.messages"])
    assert said.count("a" * 1000) >= 200
    assert len(said) < most + 500


@pytest.fixture
def limited(settings: Path) -> Told:
    settings.write_text(settings.read_text() + "[[limits]]\nrequests_per_minute = 1\n")
    return Told(settings, content=False)


async def test_who_is_refused_is_counted(limited: Told, upstreams: tuple[Upstream, Upstream]) -> None:
    told = limited
    upstreams[0].reply_with(answer("Hi"))
    async with aclosing(told.engine):
        await told.engine.start()
        await told.ask()
        for _ in range(2):
            with pytest.raises(LimitExceededError):
                await told.ask()
    (counted,) = told.figures["wye.refused_requests"]
    assert counted.value == 2
    assert counted.attributes == {
        "wye.refused_by": "limit",
        "wye.scope": "global",
        "wye.measure": "requests_per_minute",
    }
