"""An engine takes over settings whole or not at all, and keeps what programs and providers told it."""

from collections.abc import Iterator

import pytest
from tests.support.gateway import catalog_rows, provider
from tests.support.openai_wire import answer
from tests.support.upstream import Reply, Upstream

from wye import ModelResponse
from wye.config import Settings, load_settings
from wye.core.errors import ConfigurationError
from wye.core.request import ChatRequest
from wye.dispatch.in_process import BaseModelProvider, ModelCapabilities, ModelConfig
from wye.engine import Engine
from wye.library import ModelRouter


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def read(tmp_path_factory: pytest.TempPathFactory) -> "Read":
    return Read(tmp_path_factory)


class Read:
    """Makes settings of a file's text."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders

    def __call__(self, text: str, **environ: str) -> Settings:
        file = self._folders.mktemp("settings") / "wye.toml"
        file.write_text(text)
        return load_settings(catalog_rows(), path=file, environ=environ)


class Own(BaseModelProvider):
    """A provider of a program's own."""

    def capabilities(self) -> ModelCapabilities:
        return ModelCapabilities(supported_models=("own-model",))

    async def generate(self, request: ChatRequest) -> ModelResponse:
        raise NotImplementedError


def names(engine: Engine) -> set[str]:
    return set(engine.snapshot.availability.configured)


def test_settings_that_cannot_work_change_nothing(read: Read) -> None:
    engine = Engine(read(""), catalog_rows())
    before = engine.snapshot
    with pytest.raises(ConfigurationError):
        engine.reload(read('[providers.mine]\nbase_url = "http://127.0.0.1:1"\nadapter = "no_such_wire"\n'))
    assert engine.snapshot is before


def test_a_key_that_turned_wrong_changes_nothing_and_one_that_was_wrong_holds_nothing_up(read: Read) -> None:
    wrong = "sk-ant-0123456789012345678901234567890123456789"
    engine = Engine(read("", OPENAI_API_KEY="sk-" + "a" * 48), catalog_rows())
    before = engine.snapshot
    with pytest.raises(ConfigurationError) as raised:
        engine.reload(read("", OPENAI_API_KEY=wrong))
    assert wrong not in str(raised.value)
    assert engine.snapshot is before
    began_wrong = Engine(read("", OPENAI_API_KEY=wrong), catalog_rows())
    began_wrong.reload(read('[aliases]\nfast = ["mock/mock-fast"]\n', OPENAI_API_KEY=wrong))
    assert "fast" in began_wrong.snapshot.settings.aliases


def test_prices_and_aliases_change(read: Read) -> None:
    engine = Engine(read(""), catalog_rows())
    engine.reload(read('[models."mock/mock-fast"]\ninput_cost_per_million = 7\n[aliases]\nfast = ["mock/mock-fast"]\n'))
    assert engine.snapshot.catalog.models["mock/mock-fast"].price.input == 7
    assert engine.explain("fast").attempts[0].full_id == "mock/mock-fast"


def test_a_provider_that_a_program_registered_stays(read: Read) -> None:
    engine = Engine(read(""), catalog_rows())
    own = Own(ModelConfig(provider="own"))
    engine.register("own", own)
    engine.reload(read('[aliases]\nfast = ["own/own-model"]\n'))
    assert engine.explain("fast").attempts[0].full_id == "own/own-model"


async def test_what_a_provider_listed_stays_known_while_it_stays_the_same(read: Read, upstream: Upstream) -> None:
    said = provider("up", upstream.url)
    upstream.reply_with(Reply.json({"object": "list", "data": [{"id": "listed-model", "object": "model"}]}))
    engine = Engine(read(said), catalog_rows())
    try:
        await engine.refresh(["up"])
        assert "up/listed-model" in engine.snapshot.catalog.models
        engine.reload(read(said + '[aliases]\nfast = ["up/listed-model"]\n'))
        assert "up/listed-model" in engine.snapshot.catalog.models
        engine.reload(read(provider("up", "http://127.0.0.1:1")))
        assert "up/listed-model" not in engine.snapshot.catalog.models
    finally:
        await engine.aclose()


async def test_an_unchanged_key_keeps_its_health_and_a_changed_one_begins_fresh(read: Read, upstream: Upstream) -> None:
    def said(*keys: str) -> Settings:
        return read(provider("up", upstream.url, f"api_keys = {list(keys)}"))

    engine = Engine(said("key-one", "key-two"), catalog_rows())
    for key in engine.health.providers["up"].ring.keys:
        key.refused(0.0)
    engine.reload(said("key-one", "key-three"))
    codes = {key.secret.reveal(): key.code for key in engine.health.providers["up"].ring.keys if key.secret}
    assert codes == {"key-one": "refused", "key-three": ""}


async def test_a_router_goes_on_answering(read: Read, upstream: Upstream) -> None:
    upstream.reply_with(answer("hello"))
    engine = Engine(read(""), catalog_rows())
    async with ModelRouter(engine) as router:
        engine.reload(read(provider("up", upstream.url)))
        told = await router.route(messages=[{"role": "user", "content": "Hi"}], model="up/m")
        assert told.content == "hello"
