"""`wye batch` hands files in to the gateway that runs, waits for them, and saves what was answered."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Wye
from tests.support.batches import file_of, line
from tests.support.databases import config_for, sqlite_template
from tests.support.gateway import Running, provider, serving
from tests.support.openai_wire import answer, refusal
from tests.support.upstream import Received, Reply, Upstream

__all__ = ["sqlite_template"]


def answering(request: Received) -> Reply:
    """Refuse what is bad."""
    bad = request.json["messages"][0]["content"] == "bad"
    return refusal(400, "that is bad") if bad else answer("Hello")


@pytest.fixture
def gateway(tmp_path: Path, sqlite_template: Path) -> Iterator[Running]:
    """Serve a gateway that the settings in the folder lead to."""
    shutil.copy(sqlite_template, tmp_path / "batches.db")
    with Upstream() as upstream:
        upstream.handler = answering
        settings = provider("up", upstream.url)
        with serving(settings, store=config_for(f"sqlite:///{tmp_path}/batches.db")) as running:
            (tmp_path / "wye.toml").write_text(f"[server]\nport = {running.port}\n{settings}")
            yield running


@pytest.mark.usefixtures("gateway")
def test_a_file_is_handed_in_watched_and_its_answers_saved(wye: Wye, tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_bytes(file_of(*(line(str(at), "up/model") for at in range(3))))
    done = wye("batch", "run", "lines.jsonl")
    assert done.returncode == 0, done.stderr
    assert "completed" in done.stdout
    assert "output: lines.output.jsonl" in done.stdout
    told = [json.loads(one) for one in (tmp_path / "lines.output.jsonl").read_text().splitlines()]
    assert [one["custom_id"] for one in told] == ["0", "1", "2"]
    assert not (tmp_path / "lines.errors.jsonl").exists()


@pytest.mark.usefixtures("gateway")
def test_lines_that_fail_are_saved_apart_and_the_status_tells(wye: Wye, tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_bytes(file_of(line("a", "up/model"), line("b", "up/model", text="bad")))
    done = wye("batch", "run", "lines.jsonl", "--output", "out.jsonl", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["saved"] == {"output": "out.jsonl", "error": "out.errors.jsonl"}
    assert told["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
    assert json.loads((tmp_path / "out.errors.jsonl").read_text())["custom_id"] == "b"


@pytest.mark.usefixtures("gateway")
def test_what_is_wrong_with_a_file_is_told_with_its_lines(wye: Wye, tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_bytes(file_of(line("a", "up/model"), line("a", "up/model")))
    done = wye("batch", "run", "lines.jsonl")
    assert done.returncode == 1
    assert ["2", "duplicate_custom_id"] in [one.split()[:2] for one in done.stdout.splitlines()]
    assert "that of line 1 already" in done.stdout


@pytest.mark.usefixtures("gateway")
def test_batches_are_listed_shown_and_cancelled(wye: Wye, tmp_path: Path) -> None:
    assert "no batches yet" in wye("batch", "list").stdout
    (tmp_path / "lines.jsonl").write_bytes(file_of(line("a", "up/model")))
    made = json.loads(wye("batch", "run", "lines.jsonl", "--detach", "--json").stdout)
    assert made["status"] == "validating"
    assert made["id"] in wye("batch", "list").stdout
    assert [one["id"] for one in json.loads(wye("batch", "list", "--json").stdout)] == [made["id"]]
    assert made["id"] in wye("batch", "show", made["id"]).stdout
    assert wye("batch", "cancel", made["id"]).returncode in {0, 2}  # it may be over by now
    refused = wye("batch", "show", "batch_nothing")
    assert (refused.returncode, "there is no batch" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "has no 'url'"), (b"id,prompt\n", "has no 'url'"), (None, "cannot be read")]
)
def test_a_file_that_is_none_is_refused_before_anybody_is_asked(
    wye: Wye, tmp_path: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "lines.jsonl").write_bytes(content)
    done = wye("batch", "run", "lines.jsonl")
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_without_a_gateway_it_says_how_to_start_one(wye: Wye, tmp_path: Path) -> None:
    (tmp_path / "wye.toml").write_text("[server]\nport = 1\n")
    (tmp_path / "lines.jsonl").write_bytes(file_of(line("a")))
    for words in (("run", "lines.jsonl"), ("list",), ("show", "x"), ("cancel", "x")):
        done = wye("batch", *words)
        assert (done.returncode, "start it with 'wye serve'" in done.stderr) == (1, True)
