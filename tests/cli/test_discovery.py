"""`wye models refresh` and `wye providers test` ask providers and say what to mend."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Wye
from tests.support.gateway import Json, provider
from tests.support.openai_wire import answer
from tests.support.upstream import Received, Reply, Upstream

LIST = {"data": [{"id": "gpt-4o-mini"}, {"id": "gpt-99"}]}


@pytest.fixture
def openai(tmp_path: Path, upstream: Upstream) -> Upstream:
    (tmp_path / "wye.toml").write_text(provider("openai", upstream.url, 'api_keys = ["sk-test-key"]'))

    def reply(request: Received) -> Reply:
        return Reply.json(LIST) if request.method == "GET" else answer()

    upstream.handler = reply
    return upstream


def test_refresh_counts_what_is_new_and_what_is_gone(wye: Wye, openai: Upstream) -> None:
    done = wye("models", "refresh")
    assert done.returncode == 0, done.stderr
    assert "openai/gpt-99" in done.stdout
    told: list[Json] = json.loads(wye("models", "refresh", "--provider", "openai", "--json").stdout)
    assert [(row["provider"], row["ok"], row["models"], row["new"]) for row in told] == [
        ("openai", True, 2, ["openai/gpt-99"])
    ]
    assert "openai/gpt-5.2" in told[0]["missing"]
    assert told[0]["error"] is None


def test_refresh_fails_where_a_provider_does_and_tells_its_error(wye: Wye, openai: Upstream) -> None:
    openai.handler = lambda _: Reply.json({"error": {"message": "down for now"}}, status=503)
    done = wye("models", "refresh", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)[0]["error"] == {"code": "overloaded", "message": "down for now"}
    assert "down for now" in wye("models", "refresh").stdout


def test_refresh_of_nothing_says_what_to_do(wye: Wye) -> None:
    done = wye("models", "refresh")
    assert (done.returncode, "OPENAI_API_KEY" in done.stdout) == (0, True)


def test_an_unknown_provider_is_wrong_use(wye: Wye) -> None:
    assert wye("models", "refresh", "--provider", "nobody").returncode == 2
    assert wye("providers", "test", "nobody").returncode == 2


def test_a_provider_that_works_is_said_to(wye: Wye, openai: Upstream) -> None:
    done = wye("providers", "test", "openai", "--complete")
    assert done.returncode == 0, done.stdout
    assert "2 models" in done.stdout
    assert "openai/gpt-4o-mini answered 'stop'" in done.stdout
    assert [request.method for request in openai.received] == ["GET", "POST"]
    told = json.loads(wye("providers", "test", "openai", "--json").stdout)
    assert (told["ok"], [step["step"] for step in told["steps"]]) == (True, ["models"])


def test_a_refused_key_is_named_as_the_thing_to_mend(wye: Wye, openai: Upstream) -> None:
    openai.handler = lambda _: Reply.json({"error": {"message": "bad key sk-test-key"}}, status=401)
    done = wye("providers", "test", "openai", "--complete")
    assert done.returncode == 1
    assert "check the key" in done.stdout
    assert "sk-test-key" not in done.stdout
    assert len(openai.received) == 1, "nothing is asked of a provider that refused the key"


def test_a_server_that_is_not_there_is_said_to_be_away(wye: Wye, openai: Upstream) -> None:
    openai.refusing = True
    assert "check base_url" in wye("providers", "test", "openai").stdout


def test_a_default_model_that_is_not_there_is_told(wye: Wye, openai: Upstream) -> None:
    openai.handler = lambda _: Reply.json({"data": [{"id": "gpt-99"}]})
    assert "'gpt-4o-mini' is not among them" in wye("providers", "test", "openai").stdout


def test_a_provider_without_a_list_is_tested_by_an_answer(wye: Wye, tmp_path: Path, upstream: Upstream) -> None:
    (tmp_path / "wye.toml").write_text(provider("azure", upstream.url, 'api_keys = ["k"]'))
    upstream.reply_with(answer())
    done = wye("providers", "test", "azure")
    assert (done.returncode, "--complete" in done.stdout) == (0, True)
    done = wye("providers", "test", "azure", "--complete")
    assert (done.returncode, "answered" in done.stdout) == (0, True)
