"""Finds training runs beneath a folder, and reads the `trainer_state.json` that Hugging Face's Trainer leaves there.

A run is a folder with such a file, or with folders `checkpoint-<step>` that have one; the state of the highest step is
read, which has the whole history. Its fields are those of `transformers.TrainerState`.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

from wye.config.tools import TrainingSettings
from wye.core.errors import InvalidRequestError, RouteNotFoundError, WyeError

_STATE: Final = "trainer_state.json"
_CHECKPOINT: Final = re.compile(r"checkpoint-(\d{1,12})")
_DEPTH: Final = 4
_FOLDERS_AT_MOST: Final = 2_000
_ENTRIES_AT_MOST: Final = 5_000
_METRIC: Final = re.compile(r"eval_[A-Za-z0-9_.\-]{1,60}")
_SPEEDS: Final = re.compile(r"eval_(?:.*_)?(runtime|samples_per_second|steps_per_second|jit_compilation_time)")
_METRICS_AT_MOST: Final = 20


class Point(Struct, frozen=True):
    """A value that was logged at a step."""

    step: int
    value: float


class Checkpoint(Struct, frozen=True, kw_only=True):
    """A checkpoint that is there; `at` is when its state was written, seconds since the epoch."""

    step: int
    at: float


class Run(Struct, frozen=True, kw_only=True):
    """A training run; `name` is its folder, relative to the root.

    `loss` is the training loss, `evals` are the evaluation's metrics by name, `broken` counts logged losses that are no
    numbers. `best_checkpoint` and `best_metric` are what the Trainer itself holds for best. `seconds` is what the whole
    run took, once it is over. `written_at` is when its latest state was, seconds since the epoch.
    """

    name: str
    step: int
    max_steps: int | None = None
    epoch: float | None = None
    epochs: float | None = None
    loss: Sequence[Point] = ()
    learning_rate: Sequence[Point] = ()
    evals: Mapping[str, Sequence[Point]] = {}
    broken: int = 0
    best_metric: float | None = None
    best_checkpoint: str | None = None
    checkpoints: Sequence[Checkpoint] = ()
    seconds: float | None = None
    written_at: float

    @property
    def finished(self) -> bool:
        """Whether all of its steps are done."""
        return self.seconds is not None or (self.max_steps is not None and self.step >= self.max_steps)


class Unread(Struct, frozen=True, kw_only=True):
    """A run whose state cannot be read, and why."""

    name: str
    why: str


class Folder(Protocol):
    """Where runs lie. Paths are relative; whatever cannot be had is an `OSError` that names nothing of the machine."""

    def read(self, path: str, most: int) -> bytes:
        """Return a file's bytes; one of more than `most` is refused."""

    def entries(self, path: str, most: int) -> Sequence[tuple[str, str]]:
        """Return names and kinds (`file`, `folder`, `other`) of what lies in a folder, at most `most`."""

    def modified(self, path: str) -> float:
        """Return when a file was written last, seconds since the epoch."""


class Runs:
    """The runs beneath one folder. Methods read the disk, so they belong into a thread."""

    def __init__(self, folder: Folder, settings: TrainingSettings) -> None:
        """Look beneath `folder`."""
        self._folder = folder
        self._settings = settings

    def every(self) -> tuple[list[Run | Unread], bool]:
        """Return the runs there are, the one that was written to last first, and whether there are more.

        Raises `InvalidRequestError` where the folder itself cannot be opened.
        """
        names: list[str] = []
        for name in self._names():
            if len(names) == self._settings.max_runs:
                return self._read(names), True
            names.append(name)
        return self._read(names), False

    def one(self, name: str) -> Run:
        """Return a run by the name of its folder, or by the last part of it where that names one alone.

        Raises `RouteNotFoundError` where there is no such run, and `InvalidRequestError` for one that cannot be read.
        """
        wanted = "/".join(part for part in name.split("/") if part not in {"", "."}) or "."
        where = self._states(wanted)
        if where is None:
            alike = [one for one in self._names() if one.rpartition("/")[2] == wanted]
            if len(alike) != 1:
                raise RouteNotFoundError(self._missing(name, alike), code="training_run_not_found")
            wanted, where = alike[0], self._states(alike[0])
        assert where is not None, "it was found a moment ago"  # noqa: S101 - said to the type checker
        return self._run(wanted, *where)

    def _missing(self, name: str, alike: Sequence[str]) -> str:
        if alike:
            return f"{name[:100]!r} may be one of {', '.join(map(repr, alike[:10]))}: name one of them"
        near = []
        for found in self._names():
            near.append(repr(found))
            if len(near) == 20:
                break
        return f"there is no training run {name[:100]!r}; there are: {', '.join(near) or 'none'}"

    def _read(self, names: Sequence[str]) -> list[Run | Unread]:
        found: list[Run | Unread] = []
        for name in names:
            try:
                found.append(self.one(name))
            except WyeError as error:
                found.append(Unread(name=name, why=error.message))
        return sorted(found, key=lambda run: run.written_at if isinstance(run, Run) else 0.0, reverse=True)

    def _names(self) -> Iterator[str]:
        """Yield the folders that are runs, those higher up first."""
        waiting, seen = ["."], 0
        while waiting and seen < _FOLDERS_AT_MOST:
            path = waiting.pop(0)
            seen += 1
            try:
                entries = self._folder.entries(path, _ENTRIES_AT_MOST)
            except OSError as error:
                if path == ".":
                    raise _unreadable(str(error)) from None
                continue
            if any(_is_trace(name, kind) for name, kind in entries):
                yield path
            elif path.count("/") + 1 < _DEPTH:
                inner = [name for name, kind in entries if kind == "folder" and not name.startswith(".")]
                waiting += [name if path == "." else f"{path}/{name}" for name in inner]

    def _states(self, path: str) -> tuple[list[str], list[Checkpoint]] | None:
        """Return where a run's latest state may be, and its checkpoints; `None` where there is no such run."""
        try:
            entries = self._folder.entries(path, _ENTRIES_AT_MOST)
        except OSError:
            return None
        found: dict[int, float] = {}
        for name, kind in entries:
            number = _CHECKPOINT.fullmatch(name)
            if number and kind == "folder" and (at := self._written(f"{path}/{name}/{_STATE}")) is not None:
                found[int(number[1])] = at
        states = [f"{path}/{_STATE}"] if (_STATE, "file") in entries else []
        if found:
            states.append(f"{path}/checkpoint-{max(found)}/{_STATE}")
        return (states, [Checkpoint(step=step, at=found[step]) for step in sorted(found)]) if states else None

    def _state(self, path: str) -> dict[str, Any]:
        try:
            # Not msgspec's decoder: the Trainer writes NaN, which JSON has not.
            found: Any = json.loads(self._folder.read(path, self._settings.max_state_bytes))
        except OSError as error:
            raise _unreadable(str(error)) from None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise _unreadable(f"{path!r} is not what the Trainer writes; it may be half written: try again")
        return found

    def _written(self, path: str) -> float | None:
        try:
            return self._folder.modified(path)
        except OSError:
            return None

    def _run(self, name: str, paths: list[str], checkpoints: list[Checkpoint]) -> Run:
        # A run that goes on after its end has an older state beside its newer checkpoints.
        states = [self._state(path) for path in paths]
        state = max(states, key=lambda one: _whole(one.get("global_step")) or 0)
        history = [entry for entry in _list(state.get("log_history")) if isinstance(entry, dict)]
        written = max(*(self._written(path) or 0.0 for path in paths), *(one.at for one in checkpoints), 0.0)
        best = state.get("best_model_checkpoint")
        loss, broken = _curve(history, "loss")
        return Run(
            name=name,
            step=_whole(state.get("global_step")) or 0,
            max_steps=_whole(state.get("max_steps")) or None,
            epoch=_number(state.get("epoch")),
            epochs=_number(state.get("num_train_epochs")),
            loss=loss,
            learning_rate=_curve(history, "learning_rate")[0],
            evals={name: points for name in _metrics(history) if (points := _curve(history, name)[0])},
            broken=broken,
            best_metric=_number(state.get("best_metric")),
            best_checkpoint=re.split(r"[/\\]", best)[-1][:100] if isinstance(best, str) else None,
            checkpoints=checkpoints,
            seconds=next((found for one in history if (found := _number(one.get("train_runtime"))) is not None), None),
            written_at=written,
        )


def _is_trace(name: str, kind: str) -> bool:
    return (name == _STATE and kind == "file") or (kind == "folder" and _CHECKPOINT.fullmatch(name) is not None)


def _unreadable(why: str) -> InvalidRequestError:
    return InvalidRequestError(why, code="training_run_unreadable")


def _metrics(history: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of what was evaluated, the loss first; how long that took is none."""
    names = dict.fromkeys(
        name for entry in history for name in entry if _METRIC.fullmatch(name) and not _SPEEDS.fullmatch(name)
    )
    return sorted(names, key=lambda name: (name != "eval_loss", not name.endswith("loss"), name))[:_METRICS_AT_MOST]


def _curve(history: Sequence[dict[str, Any]], name: str) -> tuple[list[Point], int]:
    """Return what was logged under a name by steps, and how often it was no number; a step's last word counts."""
    values: dict[int, float] = {}
    broken = 0
    for entry in history:
        step = _whole(entry.get("step"))
        if name not in entry or step is None:
            continue
        value = _number(entry[name])
        if value is None:
            broken += 1
            values.pop(step, None)
        else:
            values[step] = value
    return [Point(step, values[step]) for step in sorted(values)], broken


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    """Return a number that is one: neither infinite nor too large for what is done with it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e30 and math.isfinite(value) else None


def _whole(value: Any) -> int | None:
    found = _number(value)
    return int(found) if found is not None and 0 <= found < 1e15 else None
