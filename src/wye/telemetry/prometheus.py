"""What Prometheus reads: the meters' sums under their names there."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from wye.core.errors import UnsupportedOperationError
from wye.core.extras import adding
from wye.core.record import PICO_PER_USD
from wye.telemetry.meters import DURATION_SECONDS, FIRST_TOKEN_SECONDS, TOKEN_KINDS, Histogram, ModelSums

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_MODEL: Final = ("provider", "model")


class Gauge(Struct, frozen=True):
    """A figure as it is now, told apart by labels; a `counter` only grows, and its name ends in `_total`."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]

    @property
    def counter(self) -> bool:
        """Whether it only grows."""
        return self.name.endswith("_total")


def render(sums: Iterable[ModelSums], gauges: Iterable[Gauge], accept: str = "") -> tuple[bytes, str]:
    """Return the page and its media type, in the form that `accept` asks for.

    Raises `UnsupportedOperationError` where the library for it is not there.
    """
    if find_spec("prometheus_client") is None:
        raise UnsupportedOperationError(f"/metrics needs the library for it: {adding('telemetry')}")
    from prometheus_client.exposition import choose_encoder

    encode, kind = choose_encoder(accept)
    return encode(_Page([*_families(list(sums)), *map(_family, gauges)])), kind


class _Page:
    """Stands where the library wants a registry."""

    def __init__(self, families: list["Metric"]) -> None:
        self._families = families

    def collect(self) -> list["Metric"]:
        return self._families


def _family(gauge: Gauge) -> "Metric":
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    make = CounterMetricFamily if gauge.counter else GaugeMetricFamily
    family = make(gauge.name, gauge.help, labels=gauge.labels)
    for labels, value in gauge.values.items():
        family.add_metric(labels, value)
    return family


def _families(models: list[ModelSums]) -> Iterable["Metric"]:
    from prometheus_client.core import CounterMetricFamily as Counter

    def plain(name: str, text: str, of: Mapping[tuple[str, str], float]) -> Counter:
        family = Counter(name, text, labels=_MODEL)
        for labels, value in of.items():
            family.add_metric(labels, value)
        return family

    requests = Counter(
        "wye_requests", "Requests that are over, by what became of them.", labels=(*_MODEL, "operation", "status")
    )
    calls = Counter("wye_calls", "Calls to providers, by 'ok', 'cancelled' or an error.", labels=(*_MODEL, "result"))
    tokens = Counter("wye_tokens", "Tokens that providers counted.", labels=(*_MODEL, "kind"))
    for one in models:
        who = (one.provider, one.model)
        for (operation, status), count in one.requests.items():
            requests.add_metric((*who, operation, status), count)
        for result, count in one.calls.items():
            calls.add_metric((*who, result), count)
        for kind, count in zip(TOKEN_KINDS, one.tokens, strict=True):
            tokens.add_metric((*who, kind), count)
    names = [(one.provider, one.model) for one in models]
    yield from (requests, calls, tokens)
    for name, text, values in (
        ("wye_retries", "Calls made again to the same model.", [one.retries for one in models]),
        ("wye_failovers", "Requests that went on to another model or provider.", [one.failovers for one in models]),
        ("wye_cost_usd", "What requests cost, where that is known.", [one.cost / PICO_PER_USD for one in models]),
        ("wye_unpriced_requests", "Requests whose cost is not known.", [one.unpriced for one in models]),
        ("wye_saved_usd", "What answers from the cache would have cost.", [one.saved / PICO_PER_USD for one in models]),
        ("wye_cached_answers", "Requests answered from the cache.", [one.cached for one in models]),
    ):
        yield plain(name, text, dict(zip(names, values, strict=True)))
    first = {who: one.first_token for who, one in zip(names, models, strict=True)}
    whole = {who: one.duration for who, one in zip(names, models, strict=True)}
    yield _histogram(
        "wye_time_to_first_token_seconds", "From a request's arrival to its first content.", FIRST_TOKEN_SECONDS, first
    )
    yield _histogram("wye_request_duration_seconds", "From a request's arrival to its end.", DURATION_SECONDS, whole)


def _histogram(name: str, text: str, bounds: tuple[float, ...], of: Mapping[tuple[str, str], Histogram]) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(name, text, labels=_MODEL)
    edges = [*map(str, bounds), "+Inf"]
    for who, histogram in of.items():
        counts = accumulate(histogram.counts)
        family.add_metric(who, list(zip(edges, counts, strict=True)), histogram.total)
    return family
