"""The layer rules hold, and bite."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PLANTED = {
    "a layer imports upward": ("core/usage.py", "from wye.engine import Engine\n"),
    "neighbours import each other": ("routing/planner.py", "from wye.dispatch import walk\n"),
    "an adapter imports another": ("adapters/ollama_chat.py", "from wye.adapters import openai_chat\n"),
    "a pure layer does I/O": ("adapters/openai_chat/answer.py", "import socket\n"),
    "a new layer is in no contract": ("misc/__init__.py", ""),
}


def lint(source: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    command = [sys.executable, "-c", program, "--no-cache", "--config", str(source / "pyproject.toml")]
    environment = {"PYTHONPATH": str(source / "src"), "PATH": "/usr/bin:/bin", "HOME": str(source)}
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_layers_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_violation_is_caught(copy: Path, what: str) -> None:
    file, line = PLANTED[what]
    path = copy / "src" / "wye" / file
    path.parent.mkdir(exist_ok=True)
    source = path.read_text(encoding="utf-8") if path.exists() else ""
    head, _, rest = source.partition('"""\n\n')
    path.write_text(f'{head}"""\n\n{line}{rest}' if rest else source + line, encoding="utf-8")
    assert lint(copy).returncode != 0


def test_pure_layers_open_no_url() -> None:
    for layer in ("core", "catalog", "adapters", "surfaces", "routing"):
        for path in (ROOT / "src" / "wye" / layer).rglob("*.py"):
            assert "urllib.request" not in path.read_text(encoding="utf-8"), path
