"""Where a setting comes from, and what is said of one that cannot be."""

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


def test_without_file_and_environment_everything_is_default_and_the_mock_answers() -> None:
    settings = load_settings(catalog_rows(), environ={})

    assert settings.path is None
    assert settings.origins == {}
    assert list(settings.providers) == ["mock"]
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)


def test_the_file_goes_before_the_default(load: Load) -> None:
    settings = load("[server]\nport = 9000\n")

    assert settings.server.port == 9000
    assert settings.origins["server.port"] == f"file {settings.path}"
    assert "server.host" not in settings.origins


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


def test_the_command_line_goes_before_everything(load: Load) -> None:
    settings = load("[server]\nport = 9000\nhost = '127.0.0.2'\n", server__port=9001, server__host=None)

    assert settings.server.port == 9001
    assert settings.origins["server.port"] == "command line"
    assert settings.server.host == "127.0.0.2"


def test_the_command_line_is_checked_like_the_file(load: Load) -> None:
    with pytest.raises(ConfigurationError, match=r"^server\.port: Expected int <= 65535$"):
        load(server__port=65536)


def test_a_settings_file_in_the_working_directory_is_found(folder: Path) -> None:
    (folder / "wye.toml").write_text("[server]\nport = 9000\n")

    assert load_settings(catalog_rows(), environ={}).server.port == 9000


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


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("OPENAI_API_KEY", "openai"),
        ("ANTHROPIC_API_KEY", "anthropic"),
        ("GEMINI_API_KEY", "gemini"),
        ("GOOGLE_API_KEY", "gemini"),
        ("OPENROUTER_API_KEY", "openrouter"),
        ("PERPLEXITY_API_KEY", "perplexity"),
        ("XAI_API_KEY", "grok4"),
        ("COHERE_API_KEY", "cohere"),
        ("MISTRAL_API_KEY", "mistral"),
        ("DEEPSEEK_API_KEY", "deepseek"),
        ("GROQ_API_KEY", "groq"),
        ("HF_TOKEN", "huggingface"),
        ("HUGGINGFACE_API_KEY", "huggingface"),
    ],
)
def test_a_key_in_the_environment_puts_its_provider_to_use(load: Load, name: str, provider: str) -> None:
    settings = load("", {name: f" {CANARY}\n"})

    assert set(settings.providers) == {"mock", provider}
    assert settings.providers[provider].api_keys == (Secret(CANARY),)
    assert settings.origins == {f"providers.{provider}.api_keys": f"environment {name}"}


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
    assert said.base_url == "http://10.0.0.5/v1" + (row.base_url_suffix if row.base_url_suffix != "/v1" else "")
    assert said.allow_private_network, "whoever sets the environment may reach a private address"


def test_azure_needs_key_and_endpoint_and_answers_with_its_deployment(load: Load) -> None:
    key = {"AZURE_OPENAI_API_KEY": "k"}
    environ = {**key, "AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com/", "AZURE_OPENAI_DEPLOYMENT": "mine"}

    assert "azure" not in load("", key).providers
    said = load("", environ).providers["azure"]
    assert said.base_url == "https://me.openai.azure.com/openai/v1"
    assert said.default_model == "mine"
    assert load("", {**environ, "AZURE_OPENAI_MODEL": "other"}).providers["azure"].default_model == "other"


@pytest.mark.parametrize("name", ["OLLAMA_BASE_URL", "VLLM_BASE_URL", "RUNPOD_BASE_URL"])
def test_a_server_of_ones_own_needs_its_address_only(load: Load, name: str) -> None:
    provider = name.partition("_")[0].lower()
    settings = load("", {name: "http://127.0.0.1:1234/v1"})

    assert set(settings.providers) == {"mock", provider}
    assert settings.providers[provider].base_url == "http://127.0.0.1:1234/v1"
    assert settings.providers[provider].api_keys == ()


def test_runpod_takes_key_and_address(load: Load) -> None:
    environ = {"RUNPOD_API_KEY": "k", "RUNPOD_BASE_URL": "https://pod.example/v1", "RUNPOD_MODEL": "mine"}
    said = load("", environ).providers["runpod"]

    assert (said.api_keys, said.base_url, said.default_model) == ((Secret("k"),), "https://pod.example/v1", "mine")
    assert "runpod" not in load("", {"RUNPOD_API_KEY": "k"}).providers, "nobody knows where it is"


@pytest.mark.parametrize(
    ("word", "enabled"), [("true", True), ("1", True), ("false", False), ("0", False), ("", False)]
)
def test_bedrock_is_enabled_by_a_word(load: Load, word: str, enabled: bool) -> None:  # noqa: FBT001
    settings = load("", {"BEDROCK_ENABLED": word, "BEDROCK_DEFAULT_MODEL": "claude-sonnet-4-5"})

    assert ("bedrock" in settings.providers) is enabled
    if enabled:
        assert settings.providers["bedrock"].default_model == "claude-sonnet-4-5"


@pytest.mark.parametrize("name", ["LLM_PROVIDER", "DEFAULT_LLM_PROVIDER"])
def test_the_default_provider_is_named_by_the_environment(load: Load, name: str) -> None:
    assert load("", {name: "xai"}).routing.default_provider == "xai"


def test_llm_provider_goes_before_default_llm_provider(load: Load) -> None:
    assert load("", {"DEFAULT_LLM_PROVIDER": "gemini", "LLM_PROVIDER": "openai"}).routing.default_provider == "openai"


def test_a_default_provider_that_nobody_knows_is_an_error(load: Load) -> None:
    error = refused(load, "", {"LLM_PROVIDER": "opnai"})

    assert "'opnai'" in error.message
    assert "openai" in error.message


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
    assert openai.headers == {"x-team": "t", "x-plain": "plain"}
    assert settings.server.admin_key == Secret("a")
    assert settings.origins["providers.openai.base_url"] == "environment URL"


def test_keys_referred_to_in_the_file_are_not_replaced_by_the_usual_variable(load: Load) -> None:
    text = '[providers.openai]\napi_keys = ["env:ONE", "env:TWO"]\n'
    settings = load(text, {"OPENAI_API_KEY": "usual", "ONE": "1", "TWO": "2"})

    assert settings.providers["openai"].api_keys == (Secret("1"), Secret("2"))


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


def test_an_admin_key_that_is_not_set_is_none(load: Load) -> None:
    assert load('[server]\nadmin_key = "env:WYE_ADMIN_KEY"\n').server.admin_key is None


# What is wrong is named.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sever]\n", "unknown setting 'sever'; did you mean 'server'?"),
        ("[stoer]\n", "unknown setting 'stoer'; did you mean 'store'?"),
        ("[server]\nprot = 1\n", "unknown setting 'server.prot'; did you mean 'port'?"),
        (
            "[routing]\nfallback_ordre = []\n",
            "unknown setting 'routing.fallback_ordre'; did you mean 'fallback_order'?",
        ),
        ("[providers.openai]\napi_key = 'k'\n", "unknown setting 'providers.openai.api_key'; did you mean 'api_keys'?"),
        (
            "[models.'openai/x']\ncontext = 1\n",
            "unknown setting 'models.openai/x.context'; did you mean 'context_window'?",
        ),
    ],
)
def test_an_unknown_name_is_met_with_the_nearest_known_one(load: Load, text: str, message: str) -> None:
    assert refused(load, text).message == message


def test_an_unknown_name_near_to_nothing_is_met_with_all_known_ones(load: Load) -> None:
    assert refused(load, "zzz = 1\n").message.startswith("unknown setting 'zzz'; known are server, providers, models, ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server = 3\n", "[server] must be a table"),
        ("[server]\nport = '80'\n", "server.port: Expected int, got str"),
        ("[server]\nport = true\n", "server.port: Expected int, got bool"),
        ("[server]\nworkers = 0\n", "server.workers: Expected int >= 1"),
        ("[providers]\nopenai = 3\n", "[providers.openai] must be a table"),
        ("[providers.openai]\napi_keys = 5\n", "providers.openai.api_keys: Expected array, got int"),
        ("[providers.openai]\napi_keys = 'k'\n", "providers.openai.api_keys: Expected array, got str"),
        ("[providers.openai]\napi_keys = [5]\n", "providers.openai.api_keys[0]: a key must be a string"),
        ("[providers.openai]\napi_keys = ['a', ' ']\n", "providers.openai.api_keys[1]: a key must be a string"),
        ("[providers.openai]\ntimeout = 0\n", "providers.openai.timeout: Expected float > 0"),
        ("[providers.openai]\ntimeout = inf\n", "providers.openai.timeout: Expected float <= 31536000"),
        ("[providers.openai]\nheaders = { a = 1 }\n", "providers.openai.headers[...]: Expected str, got int"),
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


def test_a_file_that_is_no_text_is_named(folder: Path) -> None:
    path = folder / "wye.toml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match="wye.toml: not valid TOML"):
        load_settings(catalog_rows(), environ={})


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"'nowhere\.toml' cannot be read: No such file or directory"):
        load_settings(catalog_rows(), path="nowhere.toml", environ={})


# Custom endpoints and models.


def test_a_custom_endpoint_needs_a_base_url(load: Load) -> None:
    error = refused(load, "[providers.opnai]\napi_keys = ['k']\n")

    assert error.message == "[providers.opnai] is not in the catalog (near: openai); a custom endpoint needs 'base_url'"
    assert error.param == "providers.opnai.base_url"


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

    assert said.capabilities == {"text", "function-calling"}
    assert said.input_cost_per_million == Decimal("0.10")
    assert said.output_cost_per_million == Decimal(2)


def test_times_may_be_fractions(load: Load) -> None:
    assert load("[providers.openai]\ntimeout = 0.5\n").providers["openai"].timeout == 0.5


def test_an_alias_with_a_models_name_is_warned_of(load: Load) -> None:
    settings = load("[aliases]\n'gpt-4o-mini' = 'openai/gpt-4o'\n")

    assert settings.aliases == {"gpt-4o-mini": ("openai/gpt-4o",)}
    assert "aliases.gpt-4o-mini is a model's name" in settings.warnings[0]


# The contract.

EXAMPLE = """
[server]
host = "127.0.0.1"
port = 8080
admin_key = "env:WYE_ADMIN_KEY"

[store]
url = "sqlite:///wye.db"

[state]
url = "memory://"

[providers.openai]
api_keys = ["env:OPENAI_API_KEY", "env:OPENAI_API_KEY_2"]
base_url = "https://api.openai.com/v1"
timeout = 30

[providers.my-endpoint]
adapter = "openai_chat"
base_url = "http://10.0.0.5:8000/v1"
allow_private_network = true

[models."my-endpoint/my-model"]
context_window = 32768
input_cost_per_million = 0.10
output_cost_per_million = 0.20
capabilities = ["text", "function-calling"]

[aliases]
fast = ["openai/gpt-4o-mini", "gemini/gemini-1.5-flash"]

[routing]
strategy = "balanced"
fallback_order = ["bedrock", "gemini", "perplexity", "grok4", "openai", "openrouter", "mock"]
default_models = { gemini = "gemini-1.5-flash" }
deadline = 120

[retry]
max_retries = 3
base_delay = 1.0
max_delay = 60.0
multiplier = 2.0

[breaker]
failure_threshold = 5
latency_threshold_ms = 2000
open_seconds = 60
half_open_max_requests = 3

[cache]
enabled = false
ttl = 3600

[retention]
usage_days = 400
requests_days = 30

[tools.filesystem]
enabled = false
root = "/srv/wye/files"

[mcp.servers.docs]
command = ["docs-mcp"]

[[budgets]]
scope = "global"
amount = 500.0
period = "month"
hard = true
"""
"""The example of the design's contract, whole."""

LATER = ["store", "state", "retry", "breaker", "cache", "retention", "tools", "mcp", "budgets"]


def test_the_contracts_example_loads_and_what_comes_later_is_warned_of(load: Load) -> None:
    environ = {"WYE_ADMIN_KEY": "admin", "OPENAI_API_KEY": "one", "OPENAI_API_KEY_2": "two"}
    settings = load(EXAMPLE, environ)

    assert settings.server.admin_key == Secret("admin")
    assert settings.providers["openai"].api_keys == (Secret("one"), Secret("two"))
    assert settings.providers["my-endpoint"].base_url == "http://10.0.0.5:8000/v1"
    assert settings.models["my-endpoint/my-model"].input_cost_per_million == Decimal("0.10")
    assert settings.aliases == {"fast": ("openai/gpt-4o-mini", "gemini/gemini-1.5-flash")}
    assert settings.routing.default_models == {"gemini": "gemini-1.5-flash"}
    assert settings.routing.deadline == 120
    for name in LATER:
        assert f"[{name}] is not acted on by this version" in settings.warnings
    assert any(warning.startswith("routing.strategy ") for warning in settings.warnings)


def test_the_contracts_example_loads_with_nothing_set(load: Load) -> None:
    settings = load(EXAMPLE)

    assert settings.server.admin_key is None
    assert settings.providers["openai"].api_keys == ()


# Secrets.


def test_no_key_is_in_what_settings_print(load: Load) -> None:
    text = f"[server]\nadmin_key = '{CANARY}'\n[providers.openai]\napi_keys = ['{CANARY}', 'env:K']\n"
    settings = load(text, {"K": f"{CANARY}-2", "MISTRAL_API_KEYS": f"{CANARY}-3,{CANARY}-4"})

    assert CANARY not in f"{settings!r} {settings} {settings.providers} {settings.origins}"
    assert settings.providers["openai"].api_keys[0].reveal() == CANARY
    assert pickle.loads(pickle.dumps(settings.server)).admin_key == Secret(CANARY)  # noqa: S301  # our own bytes
    with pytest.raises(TypeError):
        msgspec.json.encode(settings)


@pytest.mark.parametrize(
    "text",
    [
        f"[server]\nadmin_key = ['{CANARY}']\n",
        f"[server]\nadmin_key = '{CANARY}'\nport = 'x'\n",
        f"[server]\nadmin_key = '{CANARY}\n",
        f"[providers.openai]\napi_keys = '{CANARY}'\n",
        f"[providers.openai]\napi_keys = [['{CANARY}']]\n",
        f"[providers.openai]\napi_keys = {{ a = '{CANARY}' }}\n",
        f"[providers.openai]\napi_key = '{CANARY}'\n",
        f"[providers.openai]\ntimeout = '{CANARY}'\n",
    ],
)
def test_no_key_is_in_an_error(load: Load, text: str) -> None:
    error = refused(load, text)

    assert CANARY not in f"{error!r} {error} {error.__dict__}"
