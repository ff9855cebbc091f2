"""The page about providers says what the catalog says, of every provider and every deviation."""

import subprocess
import sys
from pathlib import Path

import tools.write_providers as writer

from wye import catalog
from wye.catalog.schema import WireTraits


def test_the_page_is_what_the_catalog_says() -> None:
    assert writer.PAGE.read_text(encoding="utf-8") == writer.page(), "run `make docs`"


def test_the_page_names_every_provider_and_its_variables() -> None:
    text = writer.page()
    for row in catalog.load().providers.values():
        assert f"`{row.id}`" in text
        assert all(f"`{name}`" in text for name in row.key_env)


def test_every_deviation_from_a_wire_has_its_sentence() -> None:
    assert set(writer.QUIRKS) == set(WireTraits.__struct_fields__)


def test_a_page_that_drifted_is_told(tmp_path: Path) -> None:
    page = tmp_path / "providers.md"
    page.write_text("old")
    program = (
        f"import sys, pathlib, tools.write_providers as w; w.PAGE = pathlib.Path({str(page)!r}); sys.exit(w.main())"
    )
    done = subprocess.run([sys.executable, "-c", program, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, "make docs" in done.stdout) == (1, True)
