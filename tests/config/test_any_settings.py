"""Whatever stands in a settings file, it loads or is an error of ours; and what loaded reaches every worker process."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye import catalog
from wye.config import Settings, load_settings
from wye.core.errors import ConfigurationError
from wye.engine import Engine

ROWS = catalog.load()
KEY = "sk-canary-0123456789abcdef"
ENVIRON = {"SET": "value", "OPENAI_API_KEY": KEY}

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | st.integers(-5, 100_000)
    | st.floats()
    | st.sampled_from(["", "openai", "http://x/v1", "env:UNSET", "env:SET", "a/b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "openai"]), inner, max_size=2),
    max_leaves=3,
)
NAMES = {
    "server": ["host", "port", "workers", "admin_key", "keep_alive", "max_body_bytes"],
    "state": ["url", "prefix", "timeout", "refresh_interval"],
    "routing": ["strategy", "default_provider", "fallback_order", "default_models", "deadline"],
    "providers.openai": ["api_keys", "base_url", "adapter", "enabled", "timeout", "default_model", "headers"],
    "providers.mine": ["api_keys", "base_url", "adapter", "enabled", "allow_private_network", "name"],
    'models."openai/gpt-4o"': ["name", "context_window", "capabilities", "latency_tier", "input_cost_per_million"],
    "aliases": ["fast", "gpt-4o"],
    "tools": ["enabled", "seconds", "output", "datetime"],
    "tools.web_search": ["provider", "base_url", "api_key", "results", "allow_private_network"],
    "tools.calculator": ["enabled", "seconds"],
}


def toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return f"{{ {', '.join(f'{name} = {toml(item)}' for name, item in value.items())} }}"
        case _:
            return repr(value)


@st.composite
def files(draw: st.DrawFn) -> str:
    lines = []
    for section in draw(st.lists(st.sampled_from(list(NAMES)), unique=True)):
        names = draw(st.lists(st.sampled_from(NAMES[section]), unique=True))
        lines += [f"[{section}]", *(f"{name} = {toml(draw(VALUES))}" for name in names)]
    return "\n".join(lines)


def load(path: Path, text: str) -> Settings:
    path.write_text(text)
    return load_settings(ROWS, path=path, environ=ENVIRON)


@given(text=files())
def test_any_settings_make_an_engine_or_are_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    try:
        settings = load(tmp_path_factory.getbasetemp() / "any.toml", text)
        Engine(settings, ROWS)
    except ConfigurationError as error:
        told = repr((error, error.__dict__))
    else:
        told = repr(settings)
    assert KEY not in told


def test_settings_reach_a_worker_process_whole(tmp_path: Path) -> None:
    text = '[providers.mine]\nbase_url = "http://x/v1"\napi_keys = ["sk-mine"]\n[aliases]\nfast = ["mine/a"]\n'
    settings = load(tmp_path / "settings.toml", text)
    copied = pickle.loads(pickle.dumps(settings))  # noqa: S301
    assert copied == settings
    assert [key.reveal() for key in copied.providers["openai"].api_keys] == [KEY]
