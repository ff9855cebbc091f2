"""Connects to a collector as OpenTelemetry's own variables say."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from wye.core.errors import ConfigurationError
from wye.core.extras import adding
from wye.telemetry.config import TelemetryConfig

if TYPE_CHECKING:
    from wye.telemetry.spans import Tracing

_ENDPOINTS: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
)  # fmt: skip


def connect(
    config: TelemetryConfig, environ: Mapping[str, str], *, version: str, names: Callable[[str], str]
) -> "Tracing | None":
    """Return what sends traces and metrics on; `None` where nobody wants them.

    Raises `ConfigurationError` where they are wanted and the library for them is not there.
    """
    wanted = any(environ.get(name) for name in _ENDPOINTS) if config.enabled is None else config.enabled
    if not wanted or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if find_spec("opentelemetry.exporter") is None or find_spec("opentelemetry.sdk") is None:
        raise ConfigurationError(
            f"telemetry needs the libraries for it: {adding('telemetry')}; or set [telemetry] enabled = false",
            param="telemetry.enabled",
        )
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from wye.telemetry.spans import Tracing

    # Resource.create reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, but what it is given comes first.
    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    resource = Resource.create({SERVICE_VERSION: version, **({} if named else {SERVICE_NAME: "wye"})})
    spans = TracerProvider(resource=resource, shutdown_on_exit=False)
    if environ.get("OTEL_TRACES_EXPORTER", "otlp") != "none":
        spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    readers: list[MetricReader] = []
    if environ.get("OTEL_METRICS_EXPORTER", "otlp") != "none":
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    figures = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    return Tracing(spans, figures, names=names, content=config.content)
