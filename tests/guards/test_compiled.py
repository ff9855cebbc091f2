"""What wheels compile is what mypyc compiles rightly."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEED_A_DICT = {"vars", "cached_property", "__dict__", "copy.copy", "copy.deepcopy"}


def listed() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[str] = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]["include"]
    return found


def objections(tree: ast.AST) -> Iterator[str]:
    """Yield what mypyc would drop, refuse or change."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            if any(ast.unparse(base).rpartition(".")[2] == "Struct" for base in node.bases):
                yield f"{node.name} is a struct, whose options would be dropped: move it to a module beside this one"
            elif node.keywords:
                yield f"{node.name} has class options, which would be dropped"
        if isinstance(node, ast.Name | ast.Attribute) and NEED_A_DICT & {
            ast.unparse(node),
            ast.unparse(node).rpartition(".")[2],
        }:
            yield f"{ast.unparse(node)} needs a __dict__, which objects of compiled classes lack"
        if isinstance(node, ast.AsyncFunctionDef) and any(isinstance(one, ast.Yield) for one in own(node)):
            yield f"{node.name} is an asynchronous generator, which mypyc lacks"


def own(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Yield what is in a function, but not in those that it defines."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            waiting += ast.iter_child_nodes(node)


@pytest.mark.parametrize("path", listed())
def test_what_is_compiled_can_be(path: str) -> None:
    assert list(objections(ast.parse((ROOT / path).read_text(encoding="utf-8")))) == []


def test_what_inherits_from_a_compiled_class_is_compiled() -> None:
    trees = {path: ast.parse((ROOT / path).read_text(encoding="utf-8")) for path in listed()}
    compiled = {node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    compiled -= {"Decoder", "Upstream", "Protocol"}  # protocols, and a name that typing has as well
    for path in (ROOT / "src").rglob("*.py"):
        if str(path.relative_to(ROOT)) not in trees:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    assert not compiled & {ast.unparse(base) for base in node.bases}, f"{path}: {node.name}"


def test_no_module_is_listed_twice_and_the_list_is_in_order() -> None:
    assert listed() == sorted(set(listed()))


@pytest.mark.parametrize(
    "planted",
    [
        "class Rules(Struct, frozen=True):\n    a: int",
        "class Rules(msgspec.Struct):\n    a: int",
        "class Form(Thing, tag=True):\n    a: int",
        "class Gate:\n    @functools.cached_property\n    def it(self): ...",
        "vars(self)",
        "copy.copy(self)",
        "async def pieces():\n    async with a() as b:\n        yield b",
    ],
)
def test_the_guard_sees_what_is_planted(planted: str) -> None:
    assert len(list(objections(ast.parse(planted)))) == 1


def test_an_asynchronous_function_that_defines_a_generator_is_none() -> None:
    assert not list(objections(ast.parse("async def a():\n    def b():\n        yield 1\n    return b")))
