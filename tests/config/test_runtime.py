"""Runtime settings stand above the file and below the environment, and cannot reach what only the file may say."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from wye import catalog
from wye.config import Settings, load_settings
from wye.core.errors import ConfigurationError

ROWS = catalog.load()


def loaded(tmp_path: Path, runtime: dict[str, Any], file: str = "", **environ: str) -> Settings:
    path = tmp_path / "wye.toml"
    path.write_text(file)
    return load_settings(ROWS, path=path, environ=environ, runtime=runtime)


def test_a_runtime_setting_goes_before_the_file_and_says_where_it_is_from(tmp_path: Path) -> None:
    settings = loaded(tmp_path, {"routing.strategy": "cost"}, '[routing]\nstrategy = "quality"\ndeadline = 9.5\n')
    assert (settings.routing.strategy, settings.routing.deadline) == ("cost", 9.5)
    assert settings.origins["routing.strategy"] == "runtime setting"
    assert settings.origins["routing.deadline"].startswith("file ")


def test_the_environment_goes_before_a_runtime_setting(tmp_path: Path) -> None:
    settings = loaded(tmp_path, {"providers.openai.default_model": "gpt-4o-mini"}, "", OPENAI_MODEL="gpt-4o")
    assert settings.providers["openai"].default_model == "gpt-4o"
    assert settings.origins["providers.openai.default_model"] == "environment OPENAI_MODEL"


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("routing.deadline", 7.5, lambda s: s.routing.deadline == 7.5),
        ("routing.default_models", {"openai": "gpt-4o"}, lambda s: s.routing.default_models == {"openai": "gpt-4o"}),
        ("retry.max_retries", 0, lambda s: s.retry.max_retries == 0),
        ("breaker.open_seconds", 5, lambda s: s.breaker.open_seconds == 5),
        ("retention.usage_days", 7, lambda s: s.retention.usage_days == 7),
        ("aliases.gpt.3.5", ["openai/gpt-4o"], lambda s: s.aliases["gpt.3.5"] == ("openai/gpt-4o",)),
        (
            "models.openai/gpt-3.5-x.input_cost_per_million",
            0.1,
            lambda s: s.models["openai/gpt-3.5-x"].input_cost_per_million == Decimal("0.1"),
        ),
        ("providers.openai.enabled", False, lambda s: not s.providers["openai"].enabled),
        ("cache.ttl", 60, lambda s: s.cache.ttl == 60),
        ("cache.enabled", True, lambda s: s.cache.enabled),
        ("tools.enabled", False, lambda s: not s.tools.enabled),
        ("tools.filesystem.enabled", True, lambda s: s.tools.filesystem.enabled),
        ("tools.calculator.seconds", 0.5, lambda s: s.tools.calculator.seconds == 0.5),
    ],
)
def test_each_kind_of_path_is_understood(tmp_path: Path, path: str, value: Any, found: Any) -> None:
    assert found(loaded(tmp_path, {path: value}))


@pytest.mark.parametrize(
    "path",
    [
        "server.admin_key",
        "server.host",
        "store.url",
        "state.url",
        "cache.url",
        "metrics.max_models",
        "telemetry.content",
        "mcp.servers",
        "tools.filesystem",
        "tools.filesystem.root",
        "tools.web_search.base_url",
        "tools.web_search.api_key",
        "tools.web_search.allow_private_network",
        "tools.a.b.enabled",
        "providers.openai.api_keys",
        "providers.openai.base_url",
        "providers.openai.headers",
        "providers.openai.credentials",
        "providers.openai.allow_private_network",
        "providers.openai",
        "routing",
        "aliases.",
        "routing.strategy.x",
        "nowhere.x",
        "",
    ],
)
def test_what_only_the_file_may_say_is_refused_with_what_can_be_changed(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigurationError, match="settings file") as raised:
        loaded(tmp_path, {path: "x"})
    assert raised.value.param == path


@pytest.mark.parametrize("value", ["env:HOME", ["env:HOME"], {"openai": "env:HOME"}])
def test_a_variable_of_the_environment_is_never_read_for_a_runtime_setting(tmp_path: Path, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="settings file only"):
        loaded(tmp_path, {"routing.default_models": value}, HOME="CANARY")


def test_an_unknown_or_wrong_value_is_refused_as_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'strategy'"):
        loaded(tmp_path, {"routing.stratgy": "cost"})
    with pytest.raises(ConfigurationError, match=r"retry\.max_retries"):
        loaded(tmp_path, {"retry.max_retries": "many"})
    with pytest.raises(ConfigurationError, match="delete the setting"):
        loaded(tmp_path, {"retry.max_retries": None})
    with pytest.raises(ConfigurationError, match="did you mean 'calculator'"):
        loaded(tmp_path, {"tools.calculater.enabled": False})
    with pytest.raises(ConfigurationError, match=r"tools\.output"):
        loaded(tmp_path, {"tools.output.enabled": False}, "[tools]\noutput = 500\n")


def test_the_files_own_content_is_left_as_it_was(tmp_path: Path) -> None:
    file = '[providers.openai]\ntimeout = 5\nmax_queue = 3\n[aliases]\na = ["openai/gpt-4o"]\n'
    settings = loaded(tmp_path, {"providers.openai.timeout": 9, "aliases.b": ["openai/gpt-4o"]}, file)
    assert (settings.providers["openai"].timeout, settings.providers["openai"].max_queue) == (9.0, 3)
    assert set(settings.aliases) == {"a", "b"}
