"""Programs embed texts through both faces of the router."""

from decimal import Decimal

import pytest

from wye import ModelRouter
from wye.core.errors import InvalidRequestError, UnsupportedOperationError
from wye.library import SyncModelRouter


@pytest.fixture
def router(tmp_path_factory: pytest.TempPathFactory) -> ModelRouter:
    path = tmp_path_factory.mktemp("settings") / "wye.toml"
    path.write_text("")
    return ModelRouter.from_config(path, environ={})


async def test_texts_become_vectors_with_usage_and_cost(router: ModelRouter) -> None:
    async with router:
        answer = await router.embed("mock-embed", ["one two", "three"], dimensions=4)
        same = await router.embed("mock/mock-embed", "three", dimensions=4)
    assert [len(vector) for vector in answer.vectors] == [4, 4]
    assert list(same.vectors[0]) == list(answer.vectors[1])
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.provider, answer.model) == (3, "mock", "mock-embed")
    assert answer.cost == Decimal(0)


async def test_what_is_wrong_is_said_before_anybody_is_asked(router: ModelRouter) -> None:
    async with router:
        with pytest.raises(UnsupportedOperationError, match="'mock-fast' cannot do embeddings"):
            await router.embed("mock-fast", "a")
        with pytest.raises(InvalidRequestError, match="'dimensions' must be at least 1"):
            await router.embed("mock-embed", "a", dimensions=0)
        with pytest.raises(InvalidRequestError, match="cannot be written as JSON"):
            await router.embed("mock-embed", "a", odd=object())


def test_programs_without_an_event_loop_embed_too(router: ModelRouter) -> None:
    with SyncModelRouter(router) as plain:
        assert len(plain.embed("mock-embed", ["a", "b"]).vectors) == 2
