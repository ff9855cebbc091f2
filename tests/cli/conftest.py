"""`wye` as a user runs it, in an empty folder and with no key in the environment."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.support.gateway import PATIENCE, command, environment, provider
from tests.support.upstream import Upstream
from typer.testing import CliRunner

from wye.cli import gateway
from wye.cli.main import app
from wye.config import ServerConfig, Settings

Done: TypeAlias = "subprocess.CompletedProcess[str]"
Wye: TypeAlias = Callable[..., Done]


@pytest.fixture
def wye(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wye:
    """Return a function that runs a command in this process, which is quick.

    It takes the command's words, the terminal's width (`None` where there is no terminal) and variables.
    """
    monkeypatch.chdir(tmp_path)
    ask = gateway.ask

    def ask_ours(settings: Settings, *words: Any, **more: Any) -> Any:
        return None if settings.server.port == ServerConfig().port else ask(settings, *words, **more)

    monkeypatch.setattr(gateway, "ask", ask_ours)  # who runs a gateway on this machine has nothing to do with it

    def run(*words: str, columns: int | None = 200, **variables: str) -> Done:
        result = CliRunner().invoke(app, words, env=_only({**environment(**variables), **_width(columns)}))
        assert isinstance(result.exception, SystemExit | None), result.exception
        return subprocess.CompletedProcess(words, result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def program(tmp_path: Path) -> Wye:
    """Return a function that runs a command as a program of its own, with what is piped into it."""

    def run(*words: str, piped: str | None = None, columns: int | None = 200, **variables: str) -> Done:
        done = subprocess.run(  # our own program
            command(*words),
            cwd=tmp_path,
            env={**environment(**variables), **_width(columns)},
            stdin=subprocess.DEVNULL if piped is None else None,
            input=piped,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    """Serve the provider `up`, which the settings in the folder name."""
    with Upstream() as running:
        (tmp_path / "wye.toml").write_text(provider("up", running.url))
        yield running


def _width(columns: int | None) -> dict[str, str]:
    return {} if columns is None else {"COLUMNS": str(columns)}


def _only(variables: Mapping[str, str]) -> dict[str, str | None]:
    """Return the changes to this process's environment that leave nothing but `variables` in it."""
    return {**dict.fromkeys(os.environ), **variables}
