"""A gateway with two providers of the same wire, for the tests that need no settings of their own."""

from collections.abc import Iterator

import pytest
from tests.support.databases import *  # noqa: F403
from tests.support.gateway import Running, provider, serving
from tests.support.upstream import Upstream

PROVIDERS_KEY = "sk-provider-0123456789abcdefghij"


@pytest.fixture(scope="module")
def _upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as first, Upstream() as second:
        yield first, second


@pytest.fixture(scope="module")
def gateway(_upstreams: tuple[Upstream, Upstream]) -> Iterator[Running]:
    """Serve the providers `up` and `spare`, and the alias `either` for a model at both."""
    first, second = _upstreams
    settings = [
        provider("up", first.url, f'api_keys = ["{PROVIDERS_KEY}"]'),
        provider("spare", second.url),
        '[aliases]\neither = ["up/model", "spare/model"]\n',
        '[models."up/priced"]\ninput_cost_per_million = 1.0\noutput_cost_per_million = 10.0\n',
    ]
    with serving("\n".join(settings)) as running:
        yield running


@pytest.fixture
def upstream(_upstreams: tuple[Upstream, Upstream]) -> Upstream:
    """Return the server behind `up`, as if nothing had been asked of it."""
    return _forgetful(_upstreams[0])


@pytest.fixture
def spare(_upstreams: tuple[Upstream, Upstream]) -> Upstream:
    """Return the server behind `spare`, as if nothing had been asked of it."""
    return _forgetful(_upstreams[1])


def _forgetful(upstream: Upstream) -> Upstream:
    upstream.received.clear()
    upstream.handler = None
    upstream.disconnects = 0
    return upstream
