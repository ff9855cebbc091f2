"""A Redis of the test's own, and databases."""

from collections.abc import Iterator

import pytest
from tests.support.databases import *  # noqa: F403
from tests.support.redis import Server, redis_server


@pytest.fixture
def redis() -> Iterator[Server]:
    with redis_server() as server:
        yield server
