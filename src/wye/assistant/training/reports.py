"""Tells of training runs in the form that all analytics have: figures, a table with what a chart shows of it, notes."""

import datetime
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

from msgspec import structs

from wye.assistant.analytics.tables import Cell, Chart, Column, Finding, Table
from wye.assistant.training import fitting
from wye.assistant.training.fitting import Fit, thinned
from wye.assistant.training.runs import Point, Run, Unread
from wye.assistant.training.signs import best, pace, signs

Curve: TypeAlias = Literal["loss", "eval_loss"]
POINTS: Final = 50
_WEAK: Final = 0.5
_STEPS_SHOWN: Final = 10


def overview(rows: Sequence[Run | Unread], *, more: bool) -> Finding:
    """Return a table of runs."""
    columns = [Column(name) for name in ("run", "step", "max_steps")]
    columns += [
        Column("done", "%"),
        *(Column(name) for name in ("epoch", "loss", "eval_loss", "finished", "written_at")),
    ]
    notes = [f"{row.name}: {row.why}" for row in rows if isinstance(row, Unread)]
    if more:
        notes.append("there are more runs than these; set 'max_runs' in [tools.training]")
    if not rows:
        notes.append("there is no trainer_state.json beneath the folder of [tools.training]")
    return Finding(
        summary={"runs": len(rows)},
        table=Table(columns, [_row(row) for row in rows if isinstance(row, Run)]),
        notes=notes,
    )


def metrics(run: Run, now: float, points: int = POINTS) -> Finding:
    """Return how a run goes: progress, curves, the best checkpoint, what is noticeable."""
    chosen, noticed = best(run), signs(run, now)
    summary: dict[str, Any] = {
        "run": run.name,
        "step": run.step,
        "max_steps": run.max_steps,
        "done_percent": done(run),
        "epoch": run.epoch,
        "epochs": run.epochs,
        "finished": run.finished,
        "written_at": moment(run.written_at),
        "loss": run.loss[-1].value if run.loss else None,
        "evaluation": {name: found[-1].value for name, found in run.evals.items()},
        "best": None if chosen is None else structs.asdict(chosen),
        "checkpoints": [one.step for one in run.checkpoints][-_STEPS_SHOWN:],
        "seconds_left": _left(run),
        "signs": [structs.asdict(one) for one in noticed],
    }
    curves = {"loss": run.loss, **run.evals, "learning_rate": run.learning_rate}
    shown = {name: thinned(found, points) for name, found in curves.items() if found}
    notes = [f"{name} has {len(curves[name])} values, of which {len(found)} are here" for name, found in shown.items()
             if len(found) < len(curves[name])]  # fmt: skip
    return Finding(
        summary=summary,
        table=_table(shown),
        chart=Chart(kind="line", x="step", y=[name for name in shown if name.endswith("loss")]) if shown else None,
        notes=notes if noticed else [*notes, "nothing is noticeable: no overfitting, no jump, no stand-still"],
    )


def prediction(run: Run, now: float, *, curve: Curve = "loss", target: float | None = None) -> Finding:
    """Return how a run's loss will go on, within what band, and when it will be done."""
    points = run.loss if curve == "loss" else run.evals.get("eval_loss", ())
    found = fitting.fit(points)
    expected = pace(run)
    summary: dict[str, Any] = {
        "run": run.name,
        "curve": curve,
        "step": run.step,
        "max_steps": run.max_steps,
        "finished": run.finished,
        "method": fitting.METHOD,
        "pace": None if expected is None else {**structs.asdict(expected), "ends_at": moment(expected.ends_at)},
        "signs": [structs.asdict(one) for one in signs(run, now)],
    }
    if found is None:
        return Finding(summary={**summary, "forecast": None}, notes=[_why_none(points, curve), *_about(run)])
    steps = _ahead(run, points)
    rows = [found.at(step) for step in steps]
    summary |= {
        "forecast": structs.asdict(rows[-1]),
        "asymptote": found.best.a,
        "fit": {"a": found.best.a, "b": found.best.b, "c": found.best.c, "explained": found.explained},
    }
    if target is not None:
        summary["target"] = _target(run, found, target)
    return Finding(
        summary=summary,
        table=Table(
            [Column(name) for name in ("step", "forecast", "low", "high")],
            [[row.step, row.value, row.low, row.high] for row in rows],
        ),
        chart=Chart(kind="line", x="step", y=["forecast", "low", "high"]),
        notes=[*_caveats(found), *_about(run)],
    )


def done(run: Run) -> float | None:
    """Return how much of a run is done, in percent."""
    return round(min(100.0, 100 * run.step / run.max_steps), 1) if run.max_steps else None


def moment(seconds: float) -> str:
    """Return a time as it is told."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _row(run: Run) -> list[Cell]:
    evaluated = run.evals.get("eval_loss")
    return [
        run.name,
        run.step,
        run.max_steps,
        done(run),
        run.epoch,
        run.loss[-1].value if run.loss else None,
        evaluated[-1].value if evaluated else None,
        run.finished,
        moment(run.written_at),
    ]


def _left(run: Run) -> float | None:
    expected = pace(run)
    return None if expected is None else round(expected.seconds_left, 1)


def _table(curves: dict[str, list[Point]]) -> Table | None:
    """Put curves side by side, by steps."""
    values = {name: {point.step: point.value for point in found} for name, found in curves.items()}
    steps = sorted({step for found in values.values() for step in found})
    rows: list[list[Cell]] = [[step, *(found.get(step) for found in values.values())] for step in steps]
    return Table([Column("step"), *(Column(name) for name in values)], rows) if steps else None


def _ahead(run: Run, points: Sequence[Point]) -> list[int]:
    """Return the steps to forecast: to the end of the run, of one that is over as far again."""
    last = points[-1].step
    end = run.max_steps if run.max_steps and run.max_steps > last else 2 * last
    return sorted({last + (end - last) * at // _STEPS_SHOWN for at in range(1, _STEPS_SHOWN + 1)})


def _target(run: Run, found: Fit, target: float) -> dict[str, Any]:
    step = found.reaches(target)
    return {
        "loss": target,
        "reached_at_step": step,
        "within_the_run": None if run.max_steps is None else step is not None and step <= run.max_steps,
        "lowest_possible": found.best.a,
    }


def _caveats(found: Fit) -> list[str]:
    notes = []
    if found.averaged > 1:
        notes.append(f"the forecast is of the mean over {found.averaged} logged values; single ones scatter more")
    if found.explained < _WEAK:
        share = max(0.0, found.explained)
        notes.append(f"the curve explains only {share:.0%} of how the loss varies: trust the band, not the line")
    return notes


def _about(run: Run) -> list[str]:
    if run.finished:
        return ["the run is over; a forecast says what more steps would bring"]
    if pace(run) is None:
        return ["how long it will take is not known: that needs two checkpoints and 'max_steps'"]
    return []


def _why_none(points: Sequence[Point], curve: str) -> str:
    if len(points) < fitting.FEWEST:
        return f"there are {len(points)} values of {curve}; a forecast needs {fitting.FEWEST}"
    return f"{curve} does not fall by a power law, so there is nothing to forecast it by"
