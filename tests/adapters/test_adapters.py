"""Every adapter has the names of the protocol, and none does any I/O."""

import ast
from pathlib import Path

import pytest

import wye.adapters
from wye.adapters import (
    Adapter,
    anthropic_messages,
    bedrock_converse,
    built_in,
    cohere_chat,
    gemini,
    load,
    ollama_chat,
    openai_chat,
    openai_completions,
    openai_responses,
)
from wye.core.errors import ConfigurationError

GUARDED: tuple[Adapter, ...] = (
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    gemini,
    ollama_chat,
    openai_chat,
    openai_completions,
    openai_responses,
)
"""That this line type-checks is the guard: mypy compares every name and signature with the protocol."""

FOLDER = Path(wye.adapters.__file__).parent
NAMES = sorted(built_in())
IN_ORDER = ("build_request", "parse_response", "parse_event", "parse_error")
ALLOWED = frozenset({
    "base64", "binascii", "collections", "decimal", "hashlib", "functools", "importlib", "json", "msgspec", "pkgutil",
    "re", "types", "typing", "urllib.parse", "uuid", "wye",
})  # fmt: skip


def test_every_adapter_is_guarded() -> None:
    assert sorted(adapter.WIRE for adapter in GUARDED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_is_found_by_the_name_of_its_wire(name: str) -> None:
    assert name == load(name).WIRE
    assert load(f"wye.adapters.{name}") is load(name)


def test_a_name_without_an_adapter_is_an_error_that_says_so() -> None:
    with pytest.raises(ConfigurationError, match="no adapter 'morse'"):
        load("morse")


def test_a_module_that_lacks_a_name_is_an_error_that_names_it() -> None:
    with pytest.raises(ConfigurationError, match="lacks WIRE, FRAMING, build_request"):
        load("wye.core.usage")


@pytest.mark.parametrize("name", NAMES)
def test_the_functions_of_an_adapter_stand_in_the_order_of_the_protocol(name: str) -> None:
    package = FOLDER / name
    parts = [package / f"{part}.py" for part in ("request", "answer", "errors")]
    files = [part for part in parts if part.exists()] if package.is_dir() else [FOLDER / f"{name}.py"]
    functions = [
        node.name for file in files for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)
    ]
    assert tuple(function for function in functions if function in IN_ORDER) == IN_ORDER


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.py")), ids=lambda file: str(file.relative_to(FOLDER)))
def test_an_adapter_imports_nothing_that_does_io(file: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    assert {name for name in imported if not name.startswith(tuple(ALLOWED))} == set()
