"""The catalog's JSON twins hold what their sources say, and a twin of something else is not believed.

That the twins in the package are of their sources as they are now is for `make check` to say.
"""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

import wye.catalog
from wye.catalog import loader
from wye.catalog.schema import ProviderFile

DATA = Path(wye.catalog.__file__).parent / "data"
TOOL = Path(__file__).parents[2] / "tools" / "compile_catalog.py"


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compile_catalog", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def rows(file: ProviderFile | None) -> object:
    return None if file is None else (file.provider, file.models)


@pytest.mark.parametrize("source", sorted(DATA.glob("*.toml")), ids=lambda path: path.stem)
def test_a_twin_holds_the_same_rows(source: Path, copy: Path, tool: ModuleType) -> None:
    (copy / f"{source.stem}.json").write_bytes(loader.compiled(source.name, source.read_text()))
    assert rows(loader._compiled(copy, source.name, source.read_text())) == rows(
        loader.parse(source.name, source.read_text())
    )


def test_a_twin_of_another_text_or_of_none_is_passed_over(copy: Path) -> None:
    text = (copy / "openai.toml").read_text()
    (copy / "openai.json").write_bytes(loader.compiled("openai.toml", text))
    assert loader._compiled(copy, "openai.toml", text) is not None
    assert loader._compiled(copy, "openai.toml", text + "# edited\n") is None
    (copy / "openai.json").write_bytes(b"{")
    assert loader._compiled(copy, "openai.toml", text) is None
    (copy / "openai.json").unlink()
    assert loader._compiled(copy, "openai.toml", text) is None


def test_the_tool_finds_edits_new_files_and_leftovers(copy: Path, tool: ModuleType) -> None:
    for twin, body in tool.stale(copy).items():
        twin.write_bytes(body)
    assert tool.stale(copy) == {}
    with (copy / "groq.toml").open("a") as file:
        file.write("# edited\n")
    (copy / "gone.json").write_text("{}")
    (copy / "mock.json").unlink()
    assert {twin.name for twin in tool.stale(copy)} == {"groq.json", "gone.json", "mock.json"}
