"""Routes about training runs: which there are, and how one goes and will go on."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from wye.assistant.tools.training import runs_of
from wye.assistant.training import reports
from wye.assistant.training.fitting import thinned
from wye.assistant.training.reports import Curve
from wye.assistant.training.runs import Point, Run, Runs, Unread
from wye.assistant.training.signs import Best, Pace, Sign, best, pace, signs
from wye.core.errors import InvalidRequestError, UnsupportedOperationError
from wye.gateway.api.here import Here
from wye.gateway.api.views import View
from wye.store.database import now_us

_LOOK: Final = {"needs": ("read",)}
_ONE: Final = {"points": False, "curve": False, "target": False}


class RunView(View, frozen=True, kw_only=True):
    """A training run: `run` is its folder, `done` percent of its steps, `why` set where it cannot be read."""

    run: str
    step: int | None
    max_steps: int | None
    done: float | None
    epoch: float | None
    epochs: float | None
    loss: float | None
    eval_loss: float | None
    finished: bool
    written_at: str | None
    why: str | None


class RunsView(View, frozen=True, kw_only=True):
    """Training runs, the one that was written to last first; `more` where there are further ones."""

    runs: Sequence[RunView]
    more: bool


class BestView(View, frozen=True, kw_only=True):
    """The checkpoint to take; `kept` tells whether it is still there."""

    step: int
    metric: str
    value: float
    checkpoint: str | None
    kept: bool
    chosen_by: str


class SignView(View, frozen=True, kw_only=True):
    """Something noticeable: `overfitting`, `diverged`, `jump`, `plateau` or `stalled`."""

    code: str
    message: str
    since_step: int | None


class PaceView(View, frozen=True, kw_only=True):
    """How quickly a run goes; `secondsLeft` lies most likely between its `Low` and its `High`."""

    steps_per_second: float
    seconds_left: float
    seconds_left_low: float
    seconds_left_high: float
    ends_at: str


class ForecastView(View, frozen=True, kw_only=True):
    """How a curve goes on: `table` has the steps to come, `summary` the fit; both are as the tools tell them."""

    curve: str
    summary: Mapping[str, Any]
    steps: Sequence[Sequence[Any]]
    notes: Sequence[str]


class RunDetailView(View, frozen=True, kw_only=True):
    """How a run goes; curves are pairs of step and value, and `steps` of the forecast step, value, low and high."""

    run: RunView
    loss: Sequence[tuple[int, float]]
    learning_rate: Sequence[tuple[int, float]]
    evals: Mapping[str, Sequence[tuple[int, float]]]
    checkpoints: Sequence[int]
    best: BestView | None
    signs: Sequence[SignView]
    pace: PaceView | None
    forecast: ForecastView


@get("/", opt=_LOOK)
async def list_runs(here: NamedDependency[Here]) -> RunsView:
    """List the training runs beneath `[tools.training] root`, the one that was written to last first."""
    rows, more = await asyncio.to_thread(_runs(here).every)
    return RunsView(runs=[_view(row) for row in rows], more=more)


@get("/{run:path}", opt={**_LOOK, "query": _ONE})
async def show_run(
    here: NamedDependency[Here],
    run: FromPath[str],
    points: Annotated[int, QueryParameter(ge=2, le=5000, description="of each curve at most")] = 500,
    curve: Annotated[Curve, QueryParameter(description="what is forecast")] = "loss",
    target: Annotated[float | None, QueryParameter(description="a loss: when is it reached?")] = None,
) -> RunDetailView:
    """Show how a training run goes: curves, best checkpoint, what is noticeable, and a forecast with its error band."""
    if target is not None and not math.isfinite(target):
        raise InvalidRequestError("'target' is a loss, a finite number", code="invalid_value", param="target")
    row, now = await asyncio.to_thread(_runs(here).one, run.strip("/")), now_us() / 1e6
    found = reports.prediction(row, now, curve=curve, target=target)
    chosen, expected = best(row), pace(row)
    return RunDetailView(
        run=_view(row),
        loss=_pairs(row.loss, points),
        learning_rate=_pairs(row.learning_rate, points),
        evals={name: _pairs(values, points) for name, values in row.evals.items()},
        checkpoints=[one.step for one in row.checkpoints],
        best=None if chosen is None else _best(chosen),
        signs=[_sign(one) for one in signs(row, now)],
        pace=None if expected is None else _pace(expected),
        forecast=ForecastView(
            curve=curve,
            summary={name: found.summary.get(name) for name in ("method", "forecast", "asymptote", "fit", "target")},
            steps=found.table.rows if found.table is not None else [],
            notes=found.notes,
        ),
    )


def _runs(here: Here) -> Runs:
    settings = here.engine.snapshot.settings.tools.training
    if settings.root is None:
        raise UnsupportedOperationError("there is no folder of training runs; its operator sets [tools.training] root")
    return runs_of(settings)


def _view(row: Run | Unread) -> RunView:
    if isinstance(row, Unread):
        absent = dict.fromkeys(("step", "max_steps", "done", "epoch", "epochs", "loss", "eval_loss", "written_at"))
        return RunView(run=row.name, finished=False, why=row.why, **absent)
    evaluated = row.evals.get("eval_loss")
    return RunView(
        run=row.name,
        step=row.step,
        max_steps=row.max_steps,
        done=reports.done(row),
        epoch=row.epoch,
        epochs=row.epochs,
        loss=row.loss[-1].value if row.loss else None,
        eval_loss=evaluated[-1].value if evaluated else None,
        finished=row.finished,
        written_at=reports.moment(row.written_at),
        why=None,
    )


def _pairs(points: Sequence[Point], most: int) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in thinned(points, most)]


def _best(found: Best) -> BestView:
    return BestView(
        step=found.step,
        metric=found.metric,
        value=found.value,
        checkpoint=found.checkpoint,
        kept=found.kept,
        chosen_by=found.chosen_by,
    )


def _sign(found: Sign) -> SignView:
    return SignView(code=found.code, message=found.message, since_step=found.since_step)


def _pace(found: Pace) -> PaceView:
    return PaceView(
        steps_per_second=found.steps_per_second,
        seconds_left=found.seconds_left,
        seconds_left_low=found.seconds_left_low,
        seconds_left_high=found.seconds_left_high,
        ends_at=reports.moment(found.ends_at),
    )


HANDLERS: Final = (list_runs, show_run)
