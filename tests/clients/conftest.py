"""A gateway with the mock, and with one provider that a test makes speak."""

from collections.abc import Iterator

import pytest
from tests.support.gateway import Running, provider, serving
from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def _upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(_upstream: Upstream) -> Iterator[Running]:
    """Serve the mock, and `up` with the server of the fixture `upstream`."""
    with serving(provider("up", _upstream.url)) as running:
        yield running


@pytest.fixture
def upstream(_upstream: Upstream) -> Upstream:
    """Return the server behind `up`, as if nothing had been asked of it."""
    _upstream.received.clear()
    _upstream.handler = None
    return _upstream
