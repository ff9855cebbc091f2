"""Training runs are shown to whoever may read, from the folder that is set and nowhere else."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.gateway import Running, serving
from tests.support.training import history, write_run


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("runs")
    write_run(root / "team" / "job_1", history(1500, turn=700))
    write_run(root / "job_2", history(400))
    with serving(f"[tools.training]\nroot = {json.dumps(str(root))}\n") as running:
        yield running


def test_runs_are_listed_with_how_far_they_are(gateway: Running) -> None:
    told = gateway.get("/api/training").json
    assert {(run["run"], run["done"], run["finished"]) for run in told["runs"]} == {
        ("team/job_1", 70.0, False),
        ("job_2", 20.0, False),
    }


def test_a_run_is_shown_with_curves_signs_and_a_forecast(gateway: Running) -> None:
    told = gateway.get("/api/training/team/job_1?points=20&target=1.5").json
    assert (told["run"]["run"], len(told["loss"]), told["best"]["checkpoint"]) == ("team/job_1", 20, "checkpoint-600")
    assert {sign["code"] for sign in told["signs"]} == {"overfitting", "stalled"}
    assert told["pace"]["stepsPerSecond"] == 2.0
    step, value, low, high = told["forecast"]["steps"][-1]
    assert (step, low < value < high) == (2000, True)
    assert told["forecast"]["summary"]["target"]["loss"] == 1.5
    assert gateway.get("/api/training/job_1").json["run"]["run"] == "team/job_1"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("nothing", 404, "training_run_not_found"),
        ("../../etc", 404, "training_run_not_found"),
        ("%2e%2e/%2e%2e/etc/passwd", 404, "training_run_not_found"),
        ("team", 404, "training_run_not_found"),
        ("job_2?points=1", 400, "invalid_type"),
        ("job_2?curve=accuracy", 400, "invalid_type"),
        ("job_2?target=nan", 400, "invalid_value"),
        ("job_2?x=1", 400, "unknown_field"),
    ],
)
def test_what_is_not_there_is_refused(gateway: Running, path: str, status: int, code: str) -> None:
    refused = gateway.get(f"/api/training/{path}")
    assert (refused.status, refused.error["code"]) == (status, code), refused.body


def test_without_a_folder_the_operator_is_told_what_to_set(tmp_path: Path) -> None:
    with serving() as running:
        refused = running.get("/api/training")
    assert (refused.status, "[tools.training] root" in refused.error["message"]) == (400, True)
