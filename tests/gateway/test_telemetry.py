"""A gateway that sends traces and metrics to a collector, as OpenTelemetry's variables say."""

import json
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.support.gateway import PATIENCE, Process, process, provider
from tests.support.openai_wire import answer
from tests.support.upstream import Received, Reply, Upstream

KEY = "sk-canary-0123456789abcdefghij"
ADMIN = "canary-admin-0123456789"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.handler = lambda _: Reply.raw(b"", "application/x-protobuf")
        yield upstream


def settings(upstream: Upstream, more: str = "") -> str:
    return provider("up", upstream.url, f'api_keys = ["{KEY}"]') + f'[server]\nadmin_key = "{ADMIN}"\n{more}'


def ask(gateway: Process, text: str = "the-secret-word") -> None:
    headers = {"authorization": f"Bearer {ADMIN}", "traceparent": PARENT}
    told = gateway.chat("up/m", text, headers)
    assert told.status == 200, told.body


def stopped(gateway: Process) -> None:
    gateway.program.terminate()
    assert gateway.wait() == 0, gateway.log


def test_a_collector_gets_spans_and_figures_and_no_secret(collector: Upstream) -> None:
    with Upstream() as upstream:
        upstream.reply_with(answer("a-secret-answer"))
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_RESOURCE_ATTRIBUTES": "deployment=test"}
        with process(settings(upstream), **variables) as gateway:
            ask(gateway)
            stopped(gateway)
            log = gateway.log
    sent = {path: [one for one in collector.received if one.path == path] for path in ("/v1/traces", "/v1/metrics")}
    assert all(sent.values()), [one.path for one in collector.received]
    traces = ExportTraceServiceRequest()
    traces.ParseFromString(uncompressed(sent["/v1/traces"][-1]))
    resource = {one.key: one.value.string_value for one in traces.resource_spans[0].resource.attributes}
    assert (resource["service.name"], resource["deployment"]) == ("wye", "test")
    spans = [span for one in traces.resource_spans for scope in one.scope_spans for span in scope.spans]
    assert {span.name for span in spans} == {"chat", "chat m"}
    assert {span.trace_id.hex() for span in spans} == {PARENT.split("-")[1]}
    figures = ExportMetricsServiceRequest()
    figures.ParseFromString(uncompressed(sent["/v1/metrics"][-1]))
    names = {metric.name for one in figures.resource_metrics for scope in one.scope_metrics for metric in scope.metrics}
    assert {"gen_ai.client.token.usage", "gen_ai.client.operation.duration"} <= names
    everything = b"".join(uncompressed(one) + json.dumps(one.headers).encode() for one in collector.received)
    for secret in (KEY, ADMIN, "the-secret-word", "a-secret-answer"):
        assert secret.encode() not in everything
        assert secret not in log
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["trace"] for line in lines if line.get("path") == "/v1/chat/completions"] == [PARENT.split("-")[1]]


def uncompressed(one: Received) -> bytes:
    assert one.headers.get("content-encoding") in {None, "identity"}
    return one.body


@pytest.mark.parametrize(
    ("more", "variables"),
    [
        ("", {}),
        ("[telemetry]\nenabled = false\n", {"OTEL_EXPORTER_OTLP_ENDPOINT": "{}"}),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "{}", "OTEL_SDK_DISABLED": "true"}),
    ],
)
def test_nothing_is_sent_where_nobody_asked_for_it(collector: Upstream, more: str, variables: dict[str, str]) -> None:
    given = {name: value.format(collector.url) for name, value in variables.items()}
    with Upstream() as upstream:
        upstream.reply_with(answer("Hi"))
        with process(settings(upstream, more), **given) as gateway:
            ask(gateway)
            stopped(gateway)
        assert "traceparent" not in upstream.received[0].headers
    assert collector.received == []


def test_a_collector_that_is_away_holds_nobody_up() -> None:
    with Upstream() as upstream:
        upstream.reply_with(answer("Hi"))
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
        with process(settings(upstream), **variables) as gateway:
            for _ in range(3):
                ask(gateway)
            gateway.program.terminate()
            assert gateway.program.wait(PATIENCE) == 0
            assert KEY not in gateway.log
