"""Provider names stay in catalog data, adapters and tests; modules are named for what they do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from wye import catalog

SOURCE = Path(__file__).parents[2] / "src" / "wye"
ALLOWED = {"catalog/data", "adapters"}
SAYS_NOTHING = {"utils", "helpers", "common", "base", "manager", "misc"}
EXCEPTIONS = {
    # The contract's own defaults and names, which are data that happens to be written in Python.
    "routing/config.py": {"bedrock", "gemini", "perplexity", "grok4", "openai", "openrouter", "mock"},
    "dispatch/factory.py": {"mock"},  # the one provider that is code, by its adapter's name
    "surfaces/gemini/contents.py": {"gemini"},  # the wire format's name, which one provider of it has too
    "dispatch/defaults.py": {"gemini"},  # a wire format's name
    "dispatch/mock.py": {"mock"},  # the request member that steers it
    "transport/extras.py": {"bedrock", "vertex", "azure"},  # extras of pyproject.toml, which providers share names with
}


def strings(tree: ast.AST) -> Iterator[str]:
    """Yield string constants that are not docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def modules() -> list[Path]:
    return [
        path for path in SOURCE.rglob("*.py") if not any(str(path.relative_to(SOURCE)).startswith(a) for a in ALLOWED)
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_provider_is_named_in_code(path: Path) -> None:
    names = {provider.id for provider in catalog.load().providers.values()} | {"google", "xai", "claude"}
    allowed = EXCEPTIONS.get(str(path.relative_to(SOURCE)), set())
    found = {text for text in strings(ast.parse(path.read_text(encoding="utf-8"))) if text in names - allowed}
    assert not found


def test_the_guard_sees_a_planted_name() -> None:
    assert "openai" in set(strings(ast.parse('def f(p):\n    """Doc."""\n    return p == "openai"')))


def test_modules_say_what_they_are_for() -> None:
    for path in SOURCE.rglob("*.py"):
        assert path.stem not in SAYS_NOTHING, path
        if path.stat().st_size:
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_modules_and_functions_stay_small() -> None:
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "; written by tools/" in text.partition("\n")[0]:
            continue  # one statement after the other, which nobody reads
        assert text.count("\n") <= 600, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path}:{node.name}"


def test_every_source_of_a_claim_is_a_link() -> None:
    for path in (SOURCE / "adapters").rglob("*.py"):
        if re.search(r"^Shapes: ", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert "https://" in path.read_text(encoding="utf-8")
