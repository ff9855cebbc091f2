"""`wye datasets validate` checks a file of any size; its exit status says whether it may be trained on."""

import json
from pathlib import Path

from tests.cli.conftest import Wye

GOOD = {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]}


def write(file: Path, count: int) -> None:
    lines = []
    for number in range(count):
        messages = [{"role": "user", "content": f"Why {number}?"}, GOOD["messages"][1]]
        lines.append(json.dumps({"messages": messages}))
    file.write_text("\n".join(lines) + "\n")


def test_a_good_file_is_ok(wye: Wye, tmp_path: Path) -> None:
    write(tmp_path / "good.jsonl", 12)
    done = wye("datasets", "validate", "good.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ok 12 of 12 lines are good examples; about 144 tokens, 12 at the median")


def test_faults_are_shown_with_their_lines_and_the_status_tells(wye: Wye, tmp_path: Path) -> None:
    write(tmp_path / "bad.jsonl", 12)
    with (tmp_path / "bad.jsonl").open("ab") as file:
        file.write(b'{"messages": "\xff"}\n' * 60)
    done = wye("datasets", "validate", "bad.jsonl")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].split()[:3] == ["13", "error", "invalid_json"]
    assert "… and 10 more; all of them: invalid_json 60" in done.stdout
    told = json.loads(wye("datasets", "validate", "bad.jsonl", "--json").stdout)
    assert (told["verdict"], told["valid"], told["counts"]) == ("errors", 12, {"invalid_json": 60})


def test_a_length_may_be_given(wye: Wye, tmp_path: Path) -> None:
    write(tmp_path / "long.jsonl", 12)
    assert wye("datasets", "validate", "long.jsonl", "--max-tokens", "5").returncode == 1


def test_it_reads_what_is_piped_in(program: Wye, tmp_path: Path) -> None:
    done = program("datasets", "validate", "-", piped=json.dumps(GOOD))
    assert done.returncode == 0
    assert "too_few_examples" in done.stdout


def test_a_file_that_is_not_there_is_told(wye: Wye) -> None:
    done = wye("datasets", "validate", "nowhere.jsonl")
    assert done.returncode != 0
    assert "nowhere.jsonl cannot be read" in done.stderr
