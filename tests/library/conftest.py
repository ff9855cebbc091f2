"""What every test of the library stands on."""

import pytest


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own proxies out."""
    monkeypatch.setenv("no_proxy", "*")
