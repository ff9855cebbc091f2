"""The tools `training_metrics` and `training_predictions`, over the checkpoints of Hugging Face's Trainer."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

from msgspec import Meta, Struct

from wye.assistant.analytics.tables import Finding, rendered
from wye.assistant.tools.beneath import Root
from wye.assistant.tools.seam import ToolContext, ToolError, ToolOutput, read, schema_of
from wye.assistant.training.reports import POINTS, Curve, metrics, overview, prediction
from wye.assistant.training.runs import Runs
from wye.config.tools import TrainingSettings
from wye.core.caller import Scope


class Beneath:
    """The folder of the runs, out of which no path and no link leads."""

    def __init__(self, root: Root) -> None:
        """Read beneath `root`."""
        self._root = root

    def read(self, path: str, most: int) -> bytes:
        """Return a file's bytes. Raises `OSError`, as all of these do."""
        with _as_os_error():
            return self._root.read(path, most)

    def entries(self, path: str, most: int) -> list[tuple[str, str]]:
        """Return what lies in a folder."""
        with _as_os_error():
            return [(entry.name, entry.kind) for entry in self._root.entries(path, most)[0]]

    def modified(self, path: str) -> float:
        """Return when a file was written last."""
        with _as_os_error():
            return self._root.modified(path)


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except ToolError as error:
        raise OSError(error.message) from None


def runs_of(settings: TrainingSettings) -> Runs:
    """Return the runs beneath the folder that is set."""
    return Runs(Beneath(Root(settings.root or "")), settings)


class MetricsArguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which run."""

    run: (
        Annotated[str, Meta(description="the run's folder, as the list names it; leave it out to list all runs")] | None
    ) = None
    points: Annotated[int, Meta(ge=2, le=500, description="values of each curve at most")] = POINTS


class PredictionArguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is forecast."""

    run: Annotated[str, Meta(description="the run's folder, as training_metrics lists it")]
    curve: Curve = "loss"
    target: Annotated[float, Meta(description="a loss: at which step will it be reached?")] | None = None


class TrainingMetrics:
    """The tool `training_metrics`."""

    name = "training_metrics"
    description = (
        "Tells how model training goes, from Hugging Face Trainer checkpoints. Without a run it lists all; with one "
        "it returns progress, loss curves, evaluation metrics, the best checkpoint, signs of overfitting or trouble."
    )
    parameters: Mapping[str, Any] = schema_of(MetricsArguments)
    scope: Scope = "read"

    def __init__(self, runs: Runs) -> None:
        """Read `runs`."""
        self._runs = runs

    async def call(self, arguments: Mapping[str, Any], context: ToolContext, /) -> ToolOutput:
        """Return a table of runs, or how one goes. Raises `WyeError`."""
        asked = read(MetricsArguments, arguments)
        if asked.run is None:
            rows, more = await asyncio.to_thread(self._runs.every)
            return _told(overview(rows, more=more), context)
        run = await asyncio.to_thread(self._runs.one, asked.run)
        return _told(metrics(run, context.clock(), asked.points), context)


class TrainingPredictions:
    """The tool `training_predictions`."""

    name = "training_predictions"
    description = (
        "Forecasts the loss of a training run with an error band, from Hugging Face Trainer checkpoints: where it will "
        "be at the end, when a target will be reached, how long the rest will take."
    )
    parameters: Mapping[str, Any] = schema_of(PredictionArguments)
    scope: Scope = "read"

    def __init__(self, runs: Runs) -> None:
        """Read `runs`."""
        self._runs = runs

    async def call(self, arguments: Mapping[str, Any], context: ToolContext, /) -> ToolOutput:
        """Return a forecast. Raises `WyeError`."""
        asked = read(PredictionArguments, arguments)
        run = await asyncio.to_thread(self._runs.one, asked.run)
        return _told(prediction(run, context.clock(), curve=asked.curve, target=asked.target), context)


def _told(found: Finding, context: ToolContext) -> ToolOutput:
    answer = rendered(found, context.limits.output)
    return ToolOutput(text=answer.text, cut=answer.cut)
