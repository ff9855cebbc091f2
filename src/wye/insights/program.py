"""Metrics for programs: how the providers of a router did, what is wrong and what could be better."""

from typing import TYPE_CHECKING

from wye.engine import Engine
from wye.insights.window import Source, Window

if TYPE_CHECKING:
    from wye.insights.export import Format
    from wye.insights.findings import Findings
    from wye.insights.metrics import Metrics
    from wye.store.reports import Line


class Telemetry:
    """Reads the books of an engine: those of its store, or of what this process asks from now on, where it has none."""

    def __init__(self, engine: Engine) -> None:
        """Watch `engine`; `ModelRouter.telemetry` is one."""
        self._engine = engine
        self._window: Window | None = None
        if engine.store is None:
            self._window = Window()
            engine.books.meters = (*engine.books.meters, self._window)

    async def current_metrics(self, hours: int = 24, *, provider: str | None = None) -> "Metrics":
        """Return how providers and models did in the last `hours`, the one under way included."""
        from wye.insights import metrics
        from wye.insights.spans import span_of
        from wye.store.database import now_us
        from wye.store.reports import Reach

        async with self._books.read() as connection:
            return await metrics.current(connection, Reach(), span_of(now_us(), None, hours=hours), provider=provider)

    async def performance_insights(self) -> "Findings":
        """Return alerts, the gravest first, and recommendations."""
        from wye.insights import findings
        from wye.store.database import now_us
        from wye.store.reports import Reach

        known = self._engine.snapshot
        usable = known.availability.configured
        models = {name: row for name, row in known.catalog.models.items() if row.provider in usable}
        async with self._books.read() as connection:
            return await findings.find(connection, Reach(), now_us(), models)

    async def metrics_history(self, hours: int = 24, *, provider: str | None = None) -> "list[Line]":
        """Return sums by the hour and provider, in order of time: `start` is hours since the epoch."""
        from wye.insights import metrics
        from wye.insights.spans import span_of
        from wye.store.database import now_us
        from wye.store.reports import Reach

        async with self._books.read() as connection:
            return await metrics.history(connection, Reach(), span_of(now_us(), None, hours=hours), provider=provider)

    async def export_metrics(self, format: "Format" = "json", *, hours: int = 24) -> str:  # noqa: A002 - the documents' name
        """Return rows by the hour, provider and model, as `json` or `csv`."""
        from wye.insights import export
        from wye.insights.spans import span_of
        from wye.store.database import now_us
        from wye.store.reports import Reach

        rows = export.metric_rows(self._books, Reach(), span_of(now_us(), None, hours=hours))
        return b"".join([piece async for piece in export.encoded(rows, format)]).decode()

    @property
    def _books(self) -> Source:
        return self._window if self._window is not None else self._engine.store.database  # type: ignore[union-attr]

    async def aclose(self) -> None:
        """Stop watching, and forget what was kept in this process alone."""
        if self._window is not None:
            self._engine.books.meters = tuple(one for one in self._engine.books.meters if one is not self._window)
            await self._window.aclose()
