"""What Wye tells users to install is there, and is ours."""

import re
import tomllib
from pathlib import Path

from wye.core.extras import adding
from wye.transport.extras import BY_MODULE

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
SOURCES = list((ROOT / "src" / "wye").rglob("*.py"))


def test_nothing_says_to_install_wye_from_an_index_where_it_is_not() -> None:
    said = re.compile(r"(?:pip install|uv (?:pip install|add)) +['\"]?wye\b")
    assert not [str(path) for path in (*PAGES, *SOURCES) if said.search(path.read_text(encoding="utf-8"))]


def test_every_extra_that_is_told_of_is_one() -> None:
    named = {name for path in SOURCES for name in re.findall(r"adding\('(\w+)'\)", path.read_text(encoding="utf-8"))}
    named |= {*BY_MODULE.values()}
    assert named <= EXTRAS.keys()
    assert len(named) >= 7


def test_the_readme_names_every_extra() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [name for name in EXTRAS if f"`{name}`" not in readme]
    assert adding("redis").endswith("pip install '.[redis]'")
