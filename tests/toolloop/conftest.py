"""What every test of the tool loop stands on: an engine, and a provider that says what a test tells it to."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.upstream import Upstream

from wye import ModelRouter
from wye.engine import Engine


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own proxies out."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
async def engine(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Engine]:
    file = tmp_path / "wye.toml"
    file.write_text(
        f'[providers.openai]\nbase_url = "{upstream.url}/v1"\napi_keys = ["sk-made-up"]\nallow_private_network = true\n'
        "[retry]\nmax_retries = 0\n"
    )
    async with ModelRouter.from_config(file, environ={}) as router:
        yield router.engine
