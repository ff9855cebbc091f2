"""Reading catalog files."""

from decimal import Decimal
from pathlib import Path

import pytest

from wye.catalog import CatalogError, load
from wye.catalog.loader import parse

PROVIDER = """
[provider]
id = "acme"
name = "Acme"
adapter = "openai_chat"
base_url = "https://api.acme.example/v1"
"""
MODEL = """
[[models]]
id = "roadrunner"
name = "Roadrunner"
price = { input = 1, output = 0.10, source = "a test", date = 2026-01-02 }
"""


def test_a_file_becomes_rows_with_exact_money_and_their_provider() -> None:
    file = parse("acme.toml", PROVIDER + MODEL)
    (model,) = file.models
    assert model.provider == "acme"
    assert model.full_id == "acme/roadrunner"
    assert (model.price.input, model.price.output) == (Decimal(1), Decimal("0.10"))


def test_the_catalog_is_read_once_per_process() -> None:
    assert load() is load()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (PROVIDER + MODEL + "context_window = 'big'", r"acme\.toml: model 'roadrunner': .*context_window"),
        (PROVIDER + MODEL + "colour = 'blue'", r"acme\.toml: model 'roadrunner': .*colour"),
        (PROVIDER + MODEL + "capabilities = ['flying']", r"acme\.toml: model 'roadrunner': .*capabilities"),
        (PROVIDER + MODEL.replace("input = 1", "input = 'x'"), r"acme\.toml: model 'roadrunner': .*price\.input"),
        (PROVIDER + "colour = 'blue'", r"acme\.toml: .*colour.*provider"),
        (PROVIDER.replace("adapter", "adapt"), r"acme\.toml: .*(adapt|adapter)"),
        (MODEL, r"acme\.toml: .*provider"),
        (PROVIDER + "[[models]]\nname = 'x'", r"acme\.toml: .*id.*models\[0\]"),
        (PROVIDER + "models = 3", r"acme\.toml: "),
        (PROVIDER.replace('"acme"', '"other"'), r"acme\.toml: provider\.id is 'other'"),
        (PROVIDER + MODEL + "provider = 'other'", r"acme\.toml: model 'roadrunner': provider is 'other'"),
        (PROVIDER + MODEL + MODEL, r"acme\.toml: model 'roadrunner': the name 'roadrunner'"),
        (PROVIDER + MODEL + "aliases = ['bird', 'bird']", r"acme\.toml: model 'roadrunner': the name 'bird'"),
        (
            PROVIDER + MODEL + "aliases = ['bird']\n[[models]]\nid = 'emu'\nshort_names = ['bird']",
            r"acme\.toml: model 'emu': the name 'bird' already belongs to 'roadrunner'",
        ),
        ("this is no TOML", r"acme\.toml: "),
    ],
)
def test_an_error_names_the_file_the_row_and_the_field(text: str, complaint: str) -> None:
    with pytest.raises(CatalogError, match=complaint):
        parse("acme.toml", text)


def test_a_sites_own_directory_adds_and_replaces_rows(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(PROVIDER + MODEL)
    (tmp_path / "notes.txt").write_text("not a catalog file")
    catalog = load([tmp_path])
    assert catalog.models["acme/roadrunner"].name == "Roadrunner"
    assert "openai/gpt-4o" in catalog.models
    assert "acme" not in load().providers


def test_a_sites_own_directory_is_read_again_at_every_call(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(PROVIDER + MODEL)
    load([tmp_path])
    path.write_text(PROVIDER + MODEL.replace("Roadrunner", "Beep beep"))
    assert load([tmp_path]).models["acme/roadrunner"].name == "Beep beep"


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="nowhere"):
        load([tmp_path / "nowhere"])
