"""Two local servers, each of which can imitate any provider."""

from collections.abc import Iterator

import pytest
from tests.support.upstream import Upstream


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own proxies out."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def spare() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running
