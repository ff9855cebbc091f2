"""Prints the tables that the drills made at the end of the run."""

import pytest

TABLES = pytest.StashKey[dict[str, str]]()


@pytest.fixture
def tables(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return where a test puts a table, by its title, that whoever ran it wants to read."""
    return request.config.stash.setdefault(TABLES, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for title, table in config.stash.get(TABLES, {}).items():
        terminalreporter.section(title)
        terminalreporter.write_line(table)
