"""`wye replay` reads requests from a file or what is piped in, and says what they would have cost."""

import json
from pathlib import Path

from tests.cli.conftest import Wye

KEY = "sk-test-0123456789abcdef"
ASKED = {
    "model": "openai/gpt-5.1",
    "messages": [{"role": "user", "content": "Hello"}],
    "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0},
}


def test_requests_that_are_piped_in_are_replayed(program: Wye) -> None:
    done = program("replay", "-", "--strategy", "cost", "--json", piped=json.dumps(ASKED), OPENAI_API_KEY=KEY)
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(done.stdout)["cost"]
    assert one["was"] == "openai/gpt-5.1"
    assert one["supposed"] is True
    assert float(one["now_cost"]) < float(one["was_cost"])


def test_a_file_is_replayed_under_several_strategies_each_with_its_sum(wye: Wye, tmp_path: Path) -> None:
    file = tmp_path / "stored.jsonl"
    file.write_text("\n".join([json.dumps(ASKED), "", json.dumps(ASKED)]))
    done = wye("replay", str(file), "-s", "cost", "-s", "quality", OPENAI_API_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert "strategy cost\n" in done.stdout
    assert "strategy quality\n" in done.stdout
    assert "openai/gpt-5.1 (as asked)" in done.stdout
    assert done.stdout.count("2 requests: was $") == 2
    assert "% saved" in done.stdout


def test_what_cannot_be_replayed_is_said(wye: Wye, tmp_path: Path) -> None:
    file = tmp_path / "stored.jsonl"
    file.write_text("[]")
    for words, said in (
        ((), "name a file"),
        ((str(file), "--mix"), "name a file"),
        ((str(file),), "line 1 is no stored request"),
        (("absent.jsonl",), "'absent.jsonl' cannot be read"),
        ((str(file), "-s", "dear"), "there is no strategy 'dear'"),
    ):
        done = wye("replay", *words)
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stdout == ""
