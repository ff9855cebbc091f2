"""Every example of the source documents has something that stands for it, and it is there."""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = Path("/work/shared/source-documents")
INDEX: dict[str, dict[str, str]] = tomllib.loads((Path(__file__).parent / "examples.toml").read_text(encoding="utf-8"))
NAMED = sorted({place for places in INDEX.values() for place in places.values() if "/" in place.partition(" ")[0]})


def examples(document: Path) -> list[str]:
    """Return the blocks of a document by the heading above them and their place beneath it."""
    found: list[str] = []
    seen: Counter[str] = Counter()
    heading, inside = "", False
    for line in document.read_text(encoding="utf-8").splitlines():
        if line.strip().startswith("```"):
            if not inside:
                seen[heading] += 1
                found.append(f"{heading} #{seen[heading]}")
            inside = not inside
        elif not inside and (title := re.match(r"#+\s+(.*)", line)):
            heading = title[1].strip()
    return found


@pytest.mark.parametrize("name", sorted(INDEX))
def test_every_example_of_a_document_is_in_the_index(name: str) -> None:
    document = DOCUMENTS / f"{name}.md"
    if not document.exists():
        pytest.skip(f"{document} is not on this machine")
    assert examples(document) == list(INDEX[name])


@pytest.mark.parametrize("place", NAMED)
def test_what_stands_for_an_example_is_there(place: str) -> None:
    path, _, test = place.partition("::")
    file = ROOT / path
    assert file.exists(), path
    if test:
        names = {
            node.name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert test in names
