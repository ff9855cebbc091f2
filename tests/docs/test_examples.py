"""Every example in the documentation runs: the requests against a gateway with the mock, the settings through Wye."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.support.gateway import Process, environment, process

from wye import catalog
from wye.catalog.schema import ProviderFile
from wye.config import load_settings
from wye.config.sections import BatchesConfig

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)\)")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(page: str, language: str) -> list[str]:
    """Return the page's code blocks in one language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [body for kind, body in BLOCK.findall(text) if kind == language]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Process]:
    with process() as running:
        yield running


def run(command: list[str], folder: Path) -> str:
    """Run a command where no key and no settings are, with `wye` on the path, and return what it printed."""
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment(), "PATH": path, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


RUN = [
    "README.md",
    "docs/analytics.md",
    "docs/batches.md",
    "docs/chat.md",
    "docs/clients.md",
    "docs/documents.md",
    "docs/evaluations.md",
    "docs/keys.md",
    "docs/switching.md",
    "docs/tool-loop.md",
    "docs/tools.md",
]
"""The pages whose examples are run as they stand."""

ANSWERS = ("Mock response", "The tool answered", "How do I prune an apple tree? words")
"""What the pages' programs print of what they got."""


def numbered(language: str) -> list[tuple[str, int]]:
    """Return which blocks in one language there are on these pages."""
    return [(page, number) for page in RUN for number in range(len(blocks(page, language)))]


@pytest.mark.parametrize(("page", "number"), numbered("python"))
def test_the_pages_programs_run(page: str, number: int, gateway: Process, tmp_path: Path) -> None:
    program = blocks(page, "python")[number].replace("127.0.0.1:8080", f"127.0.0.1:{gateway.port}")
    printed = run([sys.executable, "-c", program], tmp_path)
    assert any(answer in printed for answer in ANSWERS)


@pytest.mark.parametrize(("page", "number"), numbered("bash"))
def test_the_pages_commands_run(page: str, number: int, gateway: Process, tmp_path: Path) -> None:
    script = blocks(page, "bash")[number].replace("127.0.0.1:8080", f"127.0.0.1:{gateway.port}")
    assert run(["bash", "-euc", script], tmp_path)


def test_the_readmes_settings_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "wye.toml"
    file.write_text("\n".join(blocks("README.md", "toml")))
    settings = load_settings(catalog.load(), path=file, environ={})
    assert not settings.warnings
    assert "my-endpoint" in settings.providers


def test_the_settings_of_the_page_about_tools_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "wye.toml"
    file.write_text("\n".join(blocks("docs/tools.md", "toml")))
    settings = load_settings(catalog.load(), path=file, environ={})
    assert not settings.warnings
    assert settings.tools.filesystem.root == "/srv/wye/files"
    assert settings.mcp.servers.keys() == {"docs", "wiki"}


def test_the_settings_of_the_page_about_chats_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "wye.toml"
    file.write_text("\n".join(blocks("docs/chat.md", "toml")))
    settings = load_settings(catalog.load(), path=file, environ={})
    assert not settings.warnings
    assert settings.chat.max_cost_usd == Decimal("0.50")
    assert settings.agents["support"].tools == ("document_search", "datetime")


def test_the_settings_of_the_page_about_batches_are_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "wye.toml"
    file.write_text("\n".join(blocks("docs/batches.md", "toml")))
    assert load_settings(catalog.load(), path=file, environ={}).batches == BatchesConfig()


def test_the_guides_provider_file_is_a_whole_one() -> None:
    (text,) = blocks("CONTRIBUTING.md", "toml")
    row = msgspec.convert(tomllib.loads(text, parse_float=Decimal), ProviderFile)
    assert row.models[0].price.input == Decimal("0.10")


def test_the_readmes_two_commands_are_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    commands = [line for block in blocks("README.md", "") for line in block.splitlines() if line.startswith("make ")]
    assert commands[:2] == ["make run", "make test"]
    for command in commands:
        assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE)


def test_the_readme_leads_to_every_page() -> None:
    led = set(LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    pages = {
        str(page.relative_to(ROOT)) for folder in ("docs", "docs/reference") for page in ROOT.glob(f"{folder}/*.md")
    }
    assert pages <= led


def test_a_readme_that_says_who_answers_a_named_model_knows_of_fallbacks() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"^A named model is never.*?\n\n", readme, re.MULTILINE | re.DOTALL)
    assert "`[routing] fallbacks`" in said
    (example,) = (tomllib.loads(block) for block in blocks("README.md", "toml") if "[routing]" in block)
    assert example["routing"]["fallbacks"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_architecture_names_every_part() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for part in (ROOT / "src" / "wye").iterdir():
        if (part / "__init__.py").exists():
            assert f"`{part.name}/`" in page, part.name
