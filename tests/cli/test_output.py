"""Help shows how, tables fit the terminal, and the exit status says whose fault it was."""

import re
from pathlib import Path

import pytest
from tests.cli.conftest import Wye
from tests.support.gateway import catalog_rows

COMMANDS = [
    (),
    ("serve",),
    ("chat",),
    ("models",),
    ("models", "show"),
    ("explain",),
    ("replay",),
    ("providers",),
    ("config",),
    ("config", "check"),
    ("config", "show"),
]
TABLES = [
    ("models",),
    ("models", "--provider", "openai"),
    ("models", "--provider", "bedrock"),
    ("models", "show", "openai/gpt-5.1"),
    ("models", "show", "gpt-4o-mini"),
    ("explain", "-m", "gpt-4o-mini"),
    ("explain", "-m", "auto"),
    ("explain", "-m", "auto:quality", "Hello"),
    ("replay", "--mix"),
    ("providers",),
    ("providers", "--all"),
    ("config", "show"),
]
KEYS = {
    "OPENAI_API_KEY": "sk-test-0123456789abcdef",
    "GEMINI_API_KEYS": "key-one-0123456789abcdef,key-two-0123456789abcdef",
    "BEDROCK_ENABLED": "true",
}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_has_an_example_that_names_the_command(wye: Wye, words: tuple[str, ...], flag: str) -> None:
    done = wye(*words, flag, columns=100)
    assert done.returncode == 0
    assert re.search(rf"Example: wye {' '.join(words)}", done.stdout)


@pytest.mark.parametrize("words", [("none-such",), ("models", "none-such"), ("config", "none-such"), ("--none-such",)])
def test_what_is_no_command_is_wrong_use(wye: Wye, words: tuple[str, ...]) -> None:
    assert wye(*words).returncode == 2


def test_the_version_is_told(wye: Wye) -> None:
    assert re.fullmatch(r"wye \d+\.\d+\.\d+\n", wye("--version").stdout)


@pytest.mark.parametrize("columns", [80, 100, 120, 160, 200])
@pytest.mark.parametrize("words", TABLES, ids=" ".join)
def test_tables_fit_the_terminal_and_break_no_name(wye: Wye, words: tuple[str, ...], columns: int) -> None:
    done = wye(*words, columns=columns, **KEYS)
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if len(line) > columns] == []
    whole = wye(*words, columns=1000, **KEYS)
    assert rows_by_name(done.stdout) == rows_by_name(whole.stdout)


NAMES = {
    *catalog_rows().models,
    *catalog_rows().providers,
    "server.shutdown_grace",
    "routing.unsupported_parameters",
    "providers.gemini.api_keys",
}


def rows_by_name(table: str) -> list[str]:
    """Return the name that each row begins with, after its number where it has one."""
    begun = (re.match(r"(?:\d+ +)?(\S+)", line) for line in table.splitlines())
    return [found[1] for found in begun if found and found[1] in NAMES]


def test_into_a_file_goes_everything(wye: Wye, tmp_path: Path) -> None:
    wide = wye("models", columns=1000).stdout
    without_terminal = wye("models", columns=None).stdout
    assert "multi-agent" in wide
    assert without_terminal == wide


def test_a_narrow_terminal_loses_the_least_important_columns(wye: Wye) -> None:
    tables = {columns: wye("models", "-p", "openai", columns=columns).stdout for columns in (80, 120, 200)}
    heads = {columns: table.split("\n")[0] for columns, table in tables.items()}
    assert heads[80].split()[:2] == ["model", "context"]
    assert "in $/M" in heads[80]
    assert "can" not in heads[80]
    assert heads[200].split()[-3:] == ["latency", "quality", "can"]
    assert len(heads[80]) < len(heads[120]) < 120
