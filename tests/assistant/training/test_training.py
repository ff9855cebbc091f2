"""Training runs are found, read and told of, from the Trainer's own files, whatever else lies there."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.training import BEGAN, history, put, state, write_run

from wye import catalog
from wye.assistant.tools.box import build
from wye.assistant.tools.seam import ToolContext
from wye.assistant.tools.training import runs_of
from wye.assistant.training.runs import Run, Runs, Unread
from wye.assistant.training.signs import best, pace, signs
from wye.config import Settings
from wye.config.tools import ToolsConfig, TrainingSettings
from wye.core.caller import LOCAL
from wye.core.errors import InvalidRequestError, RouteNotFoundError
from wye.engine import Engine

NOW = BEGAN + 700


def beneath(folder: Path, **more: int) -> Runs:
    return runs_of(TrainingSettings(root=str(folder), **more))


async def ask(folder: Path, tool: str, **arguments: Any) -> Any:
    tools = ToolsConfig(training=TrainingSettings(root=str(folder)))
    engine = Engine(structs.replace(Settings(), tools=tools), catalog.load())
    context = ToolContext(caller=LOCAL, clock=lambda: NOW)
    output = await build(engine).call(tool, json.dumps(arguments), context)
    return output.text if output.is_error else json.loads(output.text)


def codes(run: Run, now: float | None = None) -> dict[str, int | None]:
    return {sign.code: sign.since_step for sign in signs(run, run.written_at if now is None else now)}


def test_runs_are_found_by_their_files_the_latest_first(tmp_path: Path) -> None:
    write_run(tmp_path / "job_1", history(600))
    write_run(tmp_path / "team" / "job_2", history(1000), over=True)
    put_alone = tmp_path / "alone"
    put_alone.mkdir()
    put(put_alone, state(history(100)), BEGAN - 1)
    (tmp_path / "checkpoint-notes").mkdir()
    (tmp_path / "README.md").write_text("no run")
    rows, more = beneath(tmp_path).every()
    assert ([row.name for row in rows], more) == (["team/job_2", "job_1", "alone"], False)
    one = beneath(tmp_path).one("job_1")
    assert (one.step, one.max_steps, [checkpoint.step for checkpoint in one.checkpoints]) == (
        600,
        2000,
        [200, 400, 600],
    )
    assert list(one.evals) == ["eval_loss", "eval_accuracy"]
    assert beneath(tmp_path).one("job_2") == beneath(tmp_path).one("/team/job_2/")


def test_the_folder_itself_may_be_a_run(tmp_path: Path) -> None:
    write_run(tmp_path, history(400))
    (row,), _ = beneath(tmp_path).every()
    assert (row.name, beneath(tmp_path).one(".").step) == (".", 400)


def test_a_run_that_went_on_after_its_end_is_read_from_its_newest_checkpoint(tmp_path: Path) -> None:
    write_run(tmp_path / "run", history(400), over=True)
    put(write_run(tmp_path / "more", history(1000)) / "checkpoint-1000", state(history(1000)), BEGAN)
    (tmp_path / "more" / "checkpoint-1000").rename(tmp_path / "run" / "checkpoint-1000")
    assert beneath(tmp_path).one("run").step == 1000


@pytest.mark.parametrize("name", ["nothing", "../outside", "/etc", "run/../../outside", "link", "x" * 3000, "", "a\0b"])
def test_no_name_leads_anywhere_else(tmp_path: Path, name: str) -> None:
    write_run(tmp_path / "outside", history(200))
    write_run(tmp_path / "root" / "run", history(200))
    write_run(tmp_path / "root" / "run2", history(200))
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(RouteNotFoundError) as refused:
        beneath(tmp_path / "root").one(name)
    assert "'run', 'run2'" in refused.value.message
    assert str(tmp_path) not in refused.value.message
    assert {row.name for row in beneath(tmp_path / "root").every()[0]} == {"run", "run2"}


def test_a_state_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"global_step": 5, "log_history": []}')
    folder = tmp_path / "root" / "run"
    folder.mkdir(parents=True)
    (folder / "trainer_state.json").symlink_to(secret)
    assert beneath(tmp_path / "root").every() == ([], False)


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", '"x"', "[" * 100_000, '{"log_history": ' + "[" * 100_000, "1" * 10_000, "\x00",
        "{" * 5000,
    ],
)  # fmt: skip
def test_what_the_trainer_did_not_write_is_said_to_be_unreadable(tmp_path: Path, content: str) -> None:
    (tmp_path / "run").mkdir()
    put(tmp_path / "run", content, BEGAN)
    ((row,), _) = beneath(tmp_path).every()
    assert isinstance(row, Unread)
    assert "try again" in row.why
    with pytest.raises(InvalidRequestError):
        beneath(tmp_path).one("run")


@pytest.mark.parametrize(
    "members",
    [
        {"log_history": None}, {"log_history": {"loss": 1}},
        {"log_history": [None, 1, "x", [], {"loss": "1", "step": 1}]},
        {"log_history": [{"loss": 1.0}, {"loss": 1.0, "step": "7"}, {"loss": True, "step": 1}]},
        {"log_history": [{"loss": 1, "step": -1}]},
        {"log_history": [{"loss": 10**400, "step": 1}]}, {"global_step": None}, {"global_step": "many"},
        {"global_step": 1e400}, {"max_steps": -1}, {"best_model_checkpoint": 7}, {"best_metric": [], "epoch": {}},
        {"log_history": [{"eval_<script>": 1, "eval_loss": 1, "step": 1}]},
    ],
)  # fmt: skip
def test_odd_values_are_left_out(tmp_path: Path, members: dict[str, Any]) -> None:
    (tmp_path / "run").mkdir()
    put(tmp_path / "run", {**state([]), **members}, BEGAN)
    run = beneath(tmp_path).one("run")
    assert (len(run.loss) <= 1, set(run.evals) <= {"eval_loss"}) == (True, True)
    assert best(run) is None or run.evals
    assert signs(run, NOW) is not None
    assert pace(run) is None


def test_a_state_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    write_run(tmp_path / "run", history(200))
    with pytest.raises(InvalidRequestError, match="longer than 100 bytes"):
        beneath(tmp_path, max_state_bytes=100).one("run")


def test_only_so_many_runs_are_listed(tmp_path: Path) -> None:
    for at in range(3):
        write_run(tmp_path / f"run{at}", history(200))
    rows, more = beneath(tmp_path, max_runs=2).every()
    assert (len(rows), more) == (2, True)


def test_overfitting_is_told_with_its_numbers(tmp_path: Path) -> None:
    write_run(tmp_path / "run", history(1500, turn=700))
    run = beneath(tmp_path).one("run")
    assert codes(run) == {"overfitting": 700}
    (sign,) = signs(run, run.written_at)
    assert "step 700" in sign.message
    assert "%" in sign.message


def test_where_the_trainer_goes_by_another_metric_that_is_said_beside_overfitting(tmp_path: Path) -> None:
    write_run(tmp_path / "run", history(1500, turn=700), best_metric=0.74, best_model_checkpoint="out/checkpoint-1200")
    (sign,) = signs(run := beneath(tmp_path).one("run"), run.written_at)
    assert (sign.code, "best later, at step 1200" in sign.message) == ("overfitting", True)


@pytest.mark.parametrize(
    "rows", [history(1500), history(800, turn=700), history(100)], ids=["falls", "turned just now", "new"]
)
def test_a_healthy_run_is_left_in_peace(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    write_run(tmp_path / "run", rows, each=100)
    assert codes(beneath(tmp_path).one("run")) == {}


def test_losses_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    rows = [
        *history(400),
        *({"loss": float("nan"), "step": step} for step in (410, 420)),
        {"loss": float("inf"), "step": 430},
    ]
    (tmp_path / "run").mkdir()
    put(tmp_path / "run", state(rows), BEGAN)
    run = beneath(tmp_path).one("run")
    assert (run.broken, run.loss[-1].step, "diverged" in codes(run)) == (3, 400, True)


def test_a_jump_and_a_plateau_are_seen(tmp_path: Path) -> None:
    jumping = [*history(500), {"loss": 30.0, "step": 510}, {"loss": 2.0, "step": 520}]
    write_run(tmp_path / "jump", jumping, each=130)
    write_run(tmp_path / "flat", history(1000, a=2.0, b=0.0, noise=0.001), each=100)
    assert codes(beneath(tmp_path).one("jump")) == {"jump": 510}
    assert "plateau" in codes(beneath(tmp_path).one("flat"))


def test_a_run_that_writes_no_more_may_have_stopped(tmp_path: Path) -> None:
    write_run(tmp_path / "run", history(600))
    run = beneath(tmp_path).one("run")
    assert run.written_at == BEGAN + 200
    assert codes(run, BEGAN + 450) == {}
    assert codes(run, BEGAN + 550) == {"stalled": 600}


def test_the_best_checkpoint_is_the_trainers_choice_or_the_lowest_evaluation_that_is_kept(tmp_path: Path) -> None:
    write_run(tmp_path / "own", history(1500, turn=700))
    write_run(tmp_path / "his", history(600), best_metric=2.25, best_model_checkpoint="/far/away\\job/checkpoint-400")
    own, his = best(beneath(tmp_path).one("own")), best(beneath(tmp_path).one("his"))
    assert own is not None
    assert his is not None
    assert (own.step, own.checkpoint, own.kept, own.chosen_by) == (
        600,
        "checkpoint-600",
        True,
        "the lowest evaluation loss",
    )
    assert (his.step, his.checkpoint, his.kept, his.chosen_by) == (400, "checkpoint-400", True, "the Trainer")


def test_the_rest_takes_as_long_as_the_checkpoints_say(tmp_path: Path) -> None:
    write_run(tmp_path / "run", history(1000), seconds=100)
    found = pace(beneath(tmp_path).one("run"))
    assert found is not None
    assert (found.steps_per_second, found.seconds_left) == (2.0, 500.0)
    assert found.ends_at == BEGAN + 400 + 500
    write_run(tmp_path / "over", history(2000), over=True)
    write_run(tmp_path / "young", history(200))
    assert pace(beneath(tmp_path).one("over")) is None
    assert pace(beneath(tmp_path).one("young")) is None


async def test_the_tool_lists_runs_and_tells_of_one(tmp_path: Path) -> None:
    write_run(tmp_path / "run", history(1500, turn=700))
    listed = await ask(tmp_path, "training_metrics")
    assert listed["table"]["rows"][0][:4] == ["run", 1400, 2000, 70.0]
    told = await ask(tmp_path, "training_metrics", run="run", points=5)
    assert told["summary"]["best"]["step"] == 600
    assert [sign["code"] for sign in told["summary"]["signs"]] == ["overfitting"]
    assert told["chart"] == {"kind": "line", "x": "step", "y": ["loss", "eval_loss"], "series": None}
    steps = [row[0] for row in told["table"]["rows"]]
    assert (steps[0], steps[-1], steps == sorted(steps)) == (10, 1400, True)
    assert any("140 values, of which 5" in note for note in told["notes"])


async def test_the_tool_forecasts_the_end_with_a_band_and_a_target(tmp_path: Path) -> None:
    write_run(tmp_path / "run", history(1000))
    told = await ask(tmp_path, "training_predictions", run="run", target=1.6)
    ahead = told["summary"]["forecast"]
    assert ahead["step"] == 2000
    assert ahead["low"] < 1.2 + 8.0 * 2000**-0.45 < ahead["high"]
    assert told["summary"]["target"]["within_the_run"] is True
    assert told["summary"]["pace"]["ends_at"] == "2025-10-09T09:08:20Z"
    assert [row[0] for row in told["table"]["rows"]][-1] == 2000
    assert "F-test" in told["summary"]["method"]


async def test_a_forecast_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    write_run(tmp_path / "run", history(400))
    told = await ask(tmp_path, "training_predictions", run="run", curve="eval_loss")
    assert (told["summary"]["forecast"], "needs 8" in told["notes"][0]) == (None, True)
    assert "there is no training run" in await ask(tmp_path, "training_predictions", run="other")


async def test_without_a_folder_the_tools_say_what_to_set(tmp_path: Path) -> None:
    box = build(Engine(Settings(), catalog.load()))
    for tool in ("training_metrics", "training_predictions"):
        output = await box.call(tool, '{"run": "x"}', ToolContext(caller=LOCAL))
        assert "set 'root' in [tools.training]" in output.text
    assert "'root' must be a folder" in await ask(tmp_path / "gone", "training_metrics")
