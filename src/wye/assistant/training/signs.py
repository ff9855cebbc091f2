"""Reads a run as an engineer would: which checkpoint is best, what goes wrong, how long it will take."""

import itertools
import statistics
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from wye.assistant.training.runs import Point, Run

_RISEN: Final = 0.01
"""The part of its minimum by which the evaluation's loss must have risen to be called rising."""
_AFTER: Final = 2
"""Evaluations after the best one that a rise must have lasted."""
_JUMP: Final = 3.0
_FLAT: Final = 0.005
_TAIL: Final = 0.2
_FEWEST_TO_TELL: Final = 10
_LATEST: Final = 10
_LATE: Final = 3.0
_By: TypeAlias = Literal["the Trainer", "the lowest evaluation loss", "the lowest training loss"]


class Sign(Struct, frozen=True, kw_only=True):
    """Something worth knowing, in a sentence with its numbers."""

    code: Literal["overfitting", "diverged", "jump", "plateau", "stalled"]
    message: str
    since_step: int | None = None


class Best(Struct, frozen=True, kw_only=True):
    """The checkpoint to take; `kept` tells whether it is still there."""

    step: int
    metric: str
    value: float
    checkpoint: str | None
    kept: bool
    chosen_by: _By


class Pace(Struct, frozen=True, kw_only=True):
    """How quickly a run goes, from when its checkpoints were written; `ends_at` is seconds since the epoch.

    `low` and `high` of what is left are those of the quickest and the slowest quarter of the latest intervals.
    """

    steps_per_second: float
    seconds_left: float
    seconds_left_low: float
    seconds_left_high: float
    ends_at: float


def signs(run: Run, now: float) -> list[Sign]:
    """Return what is noticeable about a run at `now`, the worst first."""
    found = [_diverged(run), _overfitting(run), _jump(run), _plateau(run), _stalled(run, now)]
    return [sign for sign in found if sign is not None]


def best(run: Run) -> Best | None:
    """Return the best checkpoint: the Trainer's own choice, else by the evaluation's loss, else by the training's."""
    kept = {one.step for one in run.checkpoints}
    if run.best_checkpoint is not None and run.best_metric is not None:
        step = _step_of(run.best_checkpoint) or 0
        return Best(
            step=step,
            metric="best_metric",
            value=run.best_metric,
            checkpoint=run.best_checkpoint,
            kept=step in kept,
            chosen_by="the Trainer",
        )
    if evaluated := run.evals.get("eval_loss"):
        lowest = min(_at(evaluated, kept) or evaluated, key=lambda point: point.value)
        return _best(run, lowest, "eval_loss", "the lowest evaluation loss")
    if run.loss and kept:
        near = [Point(step, _around(run.loss, step)) for step in sorted(kept)]
        return _best(run, min(near, key=lambda point: point.value), "loss", "the lowest training loss")
    return None


def pace(run: Run) -> Pace | None:
    """Return how long what is left will take; `None` where nothing is left, or fewer than two checkpoints tell."""
    if run.finished or run.max_steps is None:
        return None
    rates = sorted(_rates(run)[-_LATEST:])
    if not rates:
        return None
    left = run.max_steps - run.step
    slow, middle, quick = (rates[len(rates) // 4], statistics.median(rates), rates[-1 - len(rates) // 4])
    return Pace(
        steps_per_second=middle,
        seconds_left=left / middle,
        seconds_left_low=left / quick,
        seconds_left_high=left / slow,
        ends_at=run.written_at + left / middle,
    )


def _overfitting(run: Run) -> Sign | None:
    evaluated = run.evals.get("eval_loss", ())
    if len(evaluated) < _AFTER + 1:
        return None
    lowest = min(evaluated, key=lambda point: point.value)
    after = [point for point in evaluated if point.step > lowest.step]
    last = evaluated[-1]
    risen = last.value / lowest.value - 1 if lowest.value > 0 else 0.0
    if len(after) < _AFTER or risen < _RISEN or not run.loss:
        return None
    before, now = _around(run.loss, lowest.step), _around(run.loss, last.step)
    if now >= before:
        return None
    return Sign(
        code="overfitting",
        message=f"the evaluation loss was lowest at step {lowest.step} ({lowest.value:.4g}) and has risen by "
        f"{risen:.1%} to {last.value:.4g} at step {last.step}, while the training loss fell from {before:.4g} to "
        f"{now:.4g}: {_advice(run, lowest.step)}",
        since_step=lowest.step,
    )


def _advice(run: Run, lowest: int) -> str:
    """Say what to do; where the Trainer goes by another metric, that one may still have got better."""
    chosen = _step_of(run.best_checkpoint)
    if chosen is not None and chosen > lowest:
        return f"the Trainer's own metric was best later, at step {chosen}; judge by the metric that counts"
    return f"take a checkpoint near step {lowest}, or stop"


def _diverged(run: Run) -> Sign | None:
    if not run.broken:
        return None
    return Sign(
        code="diverged",
        message=f"{run.broken} logged losses are no numbers: lower the learning rate, clip gradients, look at the data",
    )


def _jump(run: Run) -> Sign | None:
    """Find the latest loss that is several times what came before it."""
    values = [point.value for point in run.loss]
    for at in range(len(values) - 1, 4, -1):
        usual = statistics.median(values[max(0, at - 20) : at])
        if usual > 0 and values[at] > _JUMP * usual:
            step = run.loss[at].step
            return Sign(
                code="jump",
                message=f"the training loss jumped to {values[at]:.4g} at step {step}, from about {usual:.4g}",
                since_step=step,
            )
    return None


def _plateau(run: Run) -> Sign | None:
    size = int(len(run.loss) * _TAIL)
    if size < _FEWEST_TO_TELL // 2 or len(run.loss) < 2 * _FEWEST_TO_TELL:
        return None
    tail = [point.value for point in run.loss[-size:]]
    before = [point.value for point in run.loss[-2 * size : -size]]
    fell = 1 - statistics.fmean(tail) / statistics.fmean(before) if statistics.fmean(before) > 0 else 1.0
    if abs(fell) >= _FLAT:
        return None
    step = run.loss[-size].step
    message = f"the training loss has hardly moved since step {step}: {-fell:+.2%} on the steps before"
    return Sign(code="plateau", message=message, since_step=step)


def _stalled(run: Run, now: float) -> Sign | None:
    if run.finished or len(run.checkpoints) < 2:
        return None
    times = [one.at for one in run.checkpoints]
    usual = statistics.median([later - earlier for earlier, later in itertools.pairwise(times)])
    silent = now - run.written_at
    if usual <= 0 or silent < _LATE * usual:
        return None
    minutes = f"{silent / 60:.0f} minutes, where one came every {usual / 60:.0f}"
    return Sign(code="stalled", message=f"no checkpoint for {minutes}: the run may have stopped", since_step=run.step)


def _rates(run: Run) -> list[float]:
    """Return steps per second between checkpoints, in their order."""
    return [
        (later.step - earlier.step) / (later.at - earlier.at)
        for earlier, later in itertools.pairwise(run.checkpoints)
        if later.at > earlier.at and later.step > earlier.step
    ]


def _best(
    run: Run, point: Point, metric: str, by: Literal["the lowest evaluation loss", "the lowest training loss"]
) -> Best:
    kept = point.step in {one.step for one in run.checkpoints}
    name = f"checkpoint-{point.step}" if kept else None
    return Best(step=point.step, metric=metric, value=point.value, checkpoint=name, kept=kept, chosen_by=by)


def _step_of(checkpoint: str | None) -> int | None:
    number = (checkpoint or "").rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() else None


def _at(points: Sequence[Point], steps: set[int]) -> list[Point]:
    return [point for point in points if point.step in steps]


def _around(points: Sequence[Point], step: int) -> float:
    """Return the mean of the five values nearest to a step: single ones are noise."""
    near = sorted(points, key=lambda point: abs(point.step - step))[:5]
    return statistics.fmean(point.value for point in near)
