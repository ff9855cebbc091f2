"""The finer points of settings: what is refused, what stands for what, and where each value is said to be from."""

import os
import pickle
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest
from tests.support.gateway import catalog_rows

from wye.config import Settings, load_settings
from wye.core.errors import ConfigurationError
from wye.core.secret import Secret
from wye.health import BreakerConfig, HealthConfig

CANARY = "sk-canary-0123456789abcdef"
Load: TypeAlias = Callable[..., Settings]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory, without a variable of this machine's that a provider reads."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.endswith(("_KEY", "_KEYS", "_MODEL", "_BASE_URL", "_TOKEN", "_PROVIDER")) or name.startswith("WYE_"):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Load:
    """Load a file of this content with this environment."""

    def loaded(text: str = "", environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        path = folder / "settings.toml"
        path.write_text(text, encoding="utf-8")
        dotted = {name.replace("__", "."): value for name, value in overrides.items()}
        return load_settings(catalog_rows(), path=path, environ=environ or {}, overrides=dotted)

    return loaded


def refused(load: Load, text: str, environ: Mapping[str, str] | None = None) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as raised:
        load(text, environ)
    return raised.value


# Precedence.


def test_the_environment_goes_before_the_file(load: Load) -> None:
    text = """
        [server]
        admin_key = "from-file"
        [routing]
        default_provider = "gemini"
        [providers.openai]
        api_keys = ["from-file"]
        base_url = "https://file.example/v1"
        default_model = "from-file"
    """
    environ = {
        "WYE_ADMIN_KEY": "from-environment",
        "LLM_PROVIDER": "mistral",
        "OPENAI_API_KEY": "from-environment",
        "OPENAI_BASE_URL": "https://environment.example/v1",
        "OPENAI_MODEL": "from-environment",
    }
    settings = load(text, environ)

    openai = settings.providers["openai"]
    assert openai.api_keys == (Secret("from-environment"),)
    assert openai.base_url == "https://environment.example/v1"
    assert openai.default_model == "from-environment"
    assert settings.server.admin_key == Secret("from-environment")
    assert settings.routing.default_provider == "mistral"
    assert settings.origins == {
        "server.admin_key": "environment WYE_ADMIN_KEY",
        "routing.default_provider": "environment LLM_PROVIDER",
        "providers.openai.api_keys": "environment OPENAI_API_KEY",
        "providers.openai.base_url": "environment OPENAI_BASE_URL",
        "providers.openai.allow_private_network": "environment OPENAI_BASE_URL",
        "providers.openai.default_model": "environment OPENAI_MODEL",
    }


def test_the_command_line_is_checked_like_the_file(load: Load) -> None:
    with pytest.raises(ConfigurationError, match=r"^server\.port: Expected int <= 65535$"):
        load(server__port=65536)


def test_wye_config_names_the_file_and_a_path_goes_before_it(folder: Path) -> None:
    (folder / "wye.toml").write_text("[server]\nport = 1\n")
    (folder / "named.toml").write_text("[server]\nport = 2\n")
    (folder / "given.toml").write_text("[server]\nport = 3\n")

    named = load_settings(catalog_rows(), environ={"WYE_CONFIG": "named.toml"})
    given = load_settings(catalog_rows(), path="given.toml", environ={"WYE_CONFIG": "named.toml"})

    assert (named.server.port, named.path) == (2, "named.toml")
    assert (given.server.port, given.path) == (3, "given.toml")


def test_dotenv_in_the_working_directory_is_read_below_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text('OPENAI_API_KEY="from-dotenv"\nMISTRAL_API_KEY=from-dotenv\nWYE_CONFIG=named.toml\n')
    (folder / "named.toml").write_text("[server]\nport = 9000\n")
    monkeypatch.setenv("MISTRAL_API_KEY", "from-environment")

    settings = load_settings(catalog_rows())

    assert settings.server.port == 9000
    assert settings.providers["openai"].api_keys == (Secret("from-dotenv"),)
    assert settings.providers["mistral"].api_keys == (Secret("from-environment"),)


def test_a_dotenv_that_is_no_text_is_named(folder: Path) -> None:
    (folder / ".env").write_bytes(b"OPENAI_API_KEY=\xff\xfe")

    with pytest.raises(ConfigurationError, match=r"^\.env cannot be read: "):
        load_settings(catalog_rows())


# The environment's names.


def test_the_first_of_two_names_for_a_key_counts(load: Load) -> None:
    settings = load("", {"GOOGLE_API_KEY": "second", "GEMINI_API_KEY": "first", "HF_TOKEN": ""})

    assert settings.providers["gemini"].api_keys == (Secret("first"),)
    assert "huggingface" not in settings.providers, "an empty variable is none"


KEYED = [row for row in catalog_rows().providers.values() if row.key_env and row.base_url]


@pytest.mark.parametrize("row", KEYED, ids=lambda row: row.id)
def test_every_provider_of_the_catalog_takes_several_keys_a_model_and_a_base_url(load: Load, row: Any) -> None:
    environ = {
        row.key_env[0]: "ignored",
        f"{row.env_prefix}_API_KEYS": "one, two,,",
        f"{row.env_prefix}_MODEL": "a-model",
        f"{row.env_prefix}_BASE_URL": "http://10.0.0.5/v1/",
    }
    said = load("", environ).providers[row.id]

    assert said.api_keys == (Secret("one"), Secret("two"))
    assert said.default_model == "a-model"
    assert said.base_url == "http://10.0.0.5/v1/"
    assert said.allow_private_network, "whoever sets the environment may reach a private address"


def test_runpod_takes_key_and_address(load: Load) -> None:
    environ = {"RUNPOD_API_KEY": "k", "RUNPOD_BASE_URL": "https://pod.example/v1", "RUNPOD_MODEL": "mine"}
    said = load("", environ).providers["runpod"]

    assert (said.api_keys, said.base_url, said.default_model) == ((Secret("k"),), "https://pod.example/v1", "mine")
    assert "runpod" not in load("", {"RUNPOD_API_KEY": "k"}).providers, "nobody knows where it is"


def test_several_keys_of_the_environment_go_before_references_in_the_file(load: Load) -> None:
    text = '[providers.openai]\napi_keys = ["env:OPENAI_API_KEY"]\n'
    several = load(text, {"OPENAI_API_KEY": "one", "OPENAI_API_KEYS": "two,three"}).providers["openai"]
    assert several.api_keys == (Secret("two"), Secret("three"))
    assert load(text, {"OPENAI_API_KEY": "one"}).providers["openai"].api_keys == (Secret("one"),)


def test_azure_takes_endpoint_deployment_and_version(load: Load) -> None:
    environ = {
        "AZURE_OPENAI_API_KEY": "k",
        "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/",
        "AZURE_OPENAI_DEPLOYMENT": "mine",
        "AZURE_OPENAI_API_VERSION": "2024-10-21",
    }
    settings = load("", environ)
    said = settings.providers["azure"]
    assert (said.base_url, said.default_model) == ("https://r.openai.azure.com/", "mine")
    assert said.query == {"api-version": "2024-10-21"}
    assert settings.origins["providers.azure.query"] == "environment AZURE_OPENAI_API_VERSION"


def test_every_provider_takes_its_defaults_from_the_environment(load: Load) -> None:
    environ = {
        "OPENAI_API_KEY": "k",
        "OPENAI_TEMPERATURE": "0.7",
        "OPENAI_MAX_TOKENS": "2000",
        "OPENAI_STREAM": "False",
    }
    said = load("", environ).providers["openai"]
    assert (said.temperature, said.max_tokens, said.stream) == (0.7, 2000, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [("OPENAI_TEMPERATURE", "warm"), ("OPENAI_TEMPERATURE", "3"), ("OPENAI_MAX_TOKENS", "0"), ("OPENAI_STREAM", "2")],
)
def test_a_default_that_is_none_is_an_error_of_its_setting(load: Load, name: str, value: str) -> None:
    error = refused(load, "", {"OPENAI_API_KEY": "k", name: value})
    assert error.param == f"providers.openai.{name.removeprefix('OPENAI_').lower()}"


def test_llm_provider_goes_before_default_llm_provider(load: Load) -> None:
    assert load("", {"DEFAULT_LLM_PROVIDER": "gemini", "LLM_PROVIDER": "openai"}).routing.default_provider == "openai"


# References to the environment.


def test_a_reference_stands_for_a_variable_wherever_it_is(load: Load) -> None:
    text = """
        [server]
        admin_key = "env:ADMIN"
        [providers.openai]
        api_keys = ["env:FIRST", "env:UNSET", "literal", "env:EMPTY"]
        base_url = "env:URL"
        headers = { "x-team" = "env:TEAM", "x-plain" = "plain" }
    """
    environ = {"ADMIN": "a", "FIRST": "one", "EMPTY": "", "URL": "https://here.example", "TEAM": "t"}
    settings = load(text, environ)

    openai = settings.providers["openai"]
    assert openai.api_keys == (Secret("one"), Secret("literal"))
    assert openai.base_url == "https://here.example"
    assert {name: value.reveal() for name, value in openai.headers.items()} == {"x-team": "t", "x-plain": "plain"}
    assert settings.server.admin_key == Secret("a")
    assert settings.origins["providers.openai.base_url"] == "environment URL"


def test_a_reference_may_stand_for_a_number_or_a_switch(load: Load) -> None:
    text = """
        [server]
        port = "env:PORT"
        [providers.openai]
        enabled = "env:ON"
        timeout = "env:TIMEOUT"
    """
    settings = load(text, {"PORT": "9000", "ON": "TRUE", "TIMEOUT": "2.5"})
    assert settings.server.port == 9000
    assert (settings.providers["openai"].enabled, settings.providers["openai"].timeout) == (True, 2.5)
    assert refused(load, text, {"PORT": "ninety", "ON": "1", "TIMEOUT": "1"}).param == "server.port"


def test_an_admin_key_that_is_not_set_is_an_error_and_no_open_door(load: Load) -> None:
    text = "[server]\nadmin_key = 'env:ADMIN'\n"
    assert refused(load, text, {}).message == "server.admin_key: the environment variable ADMIN is not set"
    assert load(text, {"WYE_ADMIN_KEY": "given"}).server.admin_key == Secret("given")


@pytest.mark.parametrize("environ", [{}, {"NOWHERE": ""}])
@pytest.mark.parametrize(
    ("line", "where"),
    [('base_url = "env:NOWHERE"', "base_url"), ('headers = { a = "env:NOWHERE" }', "headers.a")],
)
def test_a_reference_to_nothing_names_variable_and_place(
    load: Load, environ: dict[str, str], line: str, where: str
) -> None:
    error = refused(load, f"[providers.openai]\n{line}\n", environ)

    assert error.message == f"providers.openai.{where}: the environment variable NOWHERE is not set"
    assert error.param == f"providers.openai.{where}"


# What is wrong is named.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server = 3\n", "[server] must be a table"),
        ("[server]\nport = '80'\n", "server.port: Expected int, got str"),
        ("[server]\nport = true\n", "server.port: Expected int, got bool"),
        ('[state]\nurl = "postgres://x"\n', "state.url: write 'memory://'"),
        ("[state]\ntimeout = 0\n", "state.timeout"),
        ("[state]\nurl = 3\n", "state.url"),
        ("[server]\nworkers = 0\n", "server.workers: Expected int >= 1"),
        ("[providers]\nopenai = 3\n", "[providers.openai] must be a table"),
        ("[providers.openai]\napi_keys = 5\n", "providers.openai.api_keys: Expected array, got int"),
        ("[providers.openai]\napi_keys = 'k'\n", "providers.openai.api_keys: Expected array, got str"),
        ("[providers.openai]\napi_keys = [5]\n", "providers.openai.api_keys[0]: a secret must be a string"),
        ("[providers.openai]\napi_keys = ['a', ' ']\n", "providers.openai.api_keys[1]: a secret must be a string"),
        ("[providers.openai]\ntimeout = 0\n", "providers.openai.timeout: Expected float > 0"),
        ("[providers.openai]\ntimeout = inf\n", "providers.openai.timeout: Expected float <= 31536000"),
        ("[providers.openai]\nheaders = { a = 1 }\n", "providers.openai.headers[...]: a secret must be a string"),
        ("[providers.openai]\nbase_url = 'here'\n", "providers.openai.base_url: a base URL is 'https://host/path'"),
        ("[providers.openai]\nbase_url = 5\n", "providers.openai.base_url: Expected str | null, got int"),
        ("[models]\n'openai/x' = 5\n", '[models."openai/x"] must be a table'),
        ("[models.x]\n", '[models."x"]: write "provider/model"'),
        ("[models.'nobody/x']\n", '[models."nobody/x"]: write "provider/model"'),
        ("[models.'openai/x']\ncapabilities = ['fly']\n", "models.openai/x.capabilities[0]: Invalid enum value 'fly'"),
        ("[models.'openai/x']\ncapabilities = [5]\n", "models.openai/x.capabilities[0]: Expected str, got int"),
        ("[models.'openai/x']\nlatency_tier = 'slowest'\n", "models.openai/x.latency_tier: Invalid enum value"),
        ("[models.'openai/x']\ncontext_window = 0\n", "models.openai/x.context_window: Expected int >= 1"),
        ("[models.'openai/x']\ninput_cost_per_million = -1\n", "models.openai/x.input_cost_per_million: a price is 0"),
        ("[models.'openai/x']\noutput_cost_per_million = inf\n", "models.openai/x.output_cost_per_million: a price"),
        ("[aliases]\nfast = 5\n", "aliases.fast: write a list of model names"),
        ("[aliases]\nfast = []\n", "aliases.fast: write a list of model names"),
        ("[aliases]\nfast = ['a', 5]\n", "aliases.fast: write a list of model names"),
        ("[routing]\nfallback_order = ['opnai']\n", "[routing] names the provider 'opnai'"),
        ("[routing]\ndefault_models = { opnai = 'x' }\n", "[routing] names the provider 'opnai'"),
        ("[routing]\ndeadline = 0\n", "routing.deadline must be above 0 seconds"),
        ("[routing]\ndeadline = nan\n", "routing.deadline must be above 0 seconds"),
        ("[routing]\nunsupported_parameters = 'ignore'\n", "routing.unsupported_parameters must be 'error' or 'drop'"),
    ],
)
def test_a_wrong_value_names_its_place(load: Load, text: str, message: str) -> None:
    error = refused(load, text)

    assert error.message.startswith(message)
    assert error.param


def test_malformed_toml_names_file_and_line(load: Load, folder: Path) -> None:
    message = refused(load, "[server]\nport = = 1\n").message

    assert message.startswith(f"{folder / 'settings.toml'}: not valid TOML: ")
    assert "line 2" in message


# Custom endpoints and models.


@pytest.mark.parametrize("name", ["a/b", "a:b"])
@pytest.mark.parametrize("line", ["base_url = 'http://h'", ""])
def test_a_providers_name_holds_no_separator(load: Load, name: str, line: str) -> None:
    assert refused(load, f"[providers.'{name}']\n{line}\n").message == (
        f"[providers.{name}]: a provider's name holds no '/' or ':'"
    )


def test_a_provider_may_go_by_its_alias_but_only_once(load: Load) -> None:
    assert load("[providers.xai]\napi_keys = ['k']\n").providers["grok4"].api_keys == (Secret("k"),)
    assert refused(load, "[providers.xai]\n[providers.grok4]\n").message == "[providers.grok4] names 'grok4' again"


def test_a_models_settings_are_understood_in_the_documents_spelling(load: Load) -> None:
    text = """
        [models."xai/new"]
        capabilities = ["text", "function_calling", "tool-calling"]
        input_cost_per_million = 0.10
        output_cost_per_million = 2
    """
    said = load(text).models["grok4/new"]

    assert sorted(said.capabilities or ()) == ["function-calling", "text"]
    assert said.input_cost_per_million == Decimal("0.10")
    assert said.output_cost_per_million == Decimal(2)


# Secrets.


def test_no_key_is_in_what_settings_print(load: Load) -> None:
    text = f"[server]\nadmin_key = '{CANARY}'\n[providers.openai]\napi_keys = ['{CANARY}', 'env:K']\n"
    settings = load(text, {"K": f"{CANARY}-2", "MISTRAL_API_KEYS": f"{CANARY}-3,{CANARY}-4"})

    assert CANARY not in f"{settings!r} {settings} {settings.providers} {settings.origins}"
    assert settings.providers["openai"].api_keys[0].reveal() == CANARY
    assert pickle.loads(pickle.dumps(settings.server)).admin_key == Secret(CANARY)  # noqa: S301  # our own bytes
    with pytest.raises(TypeError):
        msgspec.json.encode(settings)


# What is left alone, and for how long.


def test_nothing_is_warned_of_where_calls_are_bounded(load: Load) -> None:
    settings = load(
        "[retry]\nmax_retries = 1\nbase_delay = 0.5\n[server]\nmax_concurrency = 9\n"
        "[providers.openai]\nmax_concurrency = 4\nmax_queue = 2\nanswer_timeout = 60\nmax_answer_bytes = 1000\n"
    )
    assert (settings.retry.max_retries, settings.retry.base_delay, settings.server.max_concurrency) == (1, 0.5, 9)
    openai = settings.providers["openai"]
    assert (openai.max_concurrency, openai.max_queue, openai.answer_timeout, openai.max_answer_bytes) == (
        4,
        2,
        60,
        1000,
    )
    assert settings.warnings == ()


def test_the_breaker_s_rules_are_read_and_nothing_is_warned_of(load: Load) -> None:
    text = (
        "[breaker]\nfailure_threshold = 3\nlatency_threshold_ms = 1500\nopen_seconds = 0.5\n"
        "half_open_max_requests = 1\n"
        "[health]\nactive = true\ninterval = 5\n"
    )
    settings = load(text)

    assert settings.breaker == BreakerConfig(
        failure_threshold=3, latency_threshold_ms=1500, open_seconds=0.5, half_open_max_requests=1
    )
    assert settings.health == HealthConfig(active=True, interval=5)
    assert settings.warnings == ()
    assert (load("").breaker, load("").health.active) == (BreakerConfig(), False)


@pytest.mark.parametrize(
    "line",
    ["failure_threshold = 0", "open_seconds = 0", "half_open_max_requests = 0", "open_seconds = inf", "open = 1"],
)
def test_rules_that_would_never_end_or_never_begin_are_refused(load: Load, line: str) -> None:
    with pytest.raises(ConfigurationError, match=line.split(maxsplit=1)[0]):
        load(f"[breaker]\n{line}\n")


def test_redis_url_stands_before_the_file_and_is_shown_without_its_password(tmp_path: Path) -> None:
    file = tmp_path / "wye.toml"
    file.write_text('[state]\nurl = "redis://from-file"\nprefix = "mine"\n')
    settings = load_settings(catalog_rows(), path=file, environ={"REDIS_URL": "redis://u:CANARY@from-env:6379/1"})
    assert settings.state.shown == "redis://from-env:6379/1"
    assert settings.state.prefix == "mine"
    assert settings.origins["state.url"] == "environment REDIS_URL"
    assert "CANARY" not in repr(settings)
