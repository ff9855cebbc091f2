"""The `[telemetry]` and `[metrics]` sections."""

from typing import Annotated

from msgspec import Meta, Struct


class TelemetryConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether traces and metrics are sent on by OpenTelemetry.

    Where and how is said by OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`,
    `OTEL_TRACES_SAMPLER`, …). Without `enabled` they are sent where one of the endpoints is set. With `content` spans
    hold what was asked and answered.
    """

    enabled: bool | None = None
    content: bool = False


class MetricsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Prometheus may read at `/metrics`: with the admin key, or without one at `port`, which listens on `host`.

    Of models beyond `max_models`, and of those that the catalog does not know, there is one row, `other`.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    max_models: Annotated[int, Meta(ge=1, le=10_000)] = 100
