"""The tool that keeps our prices equal to those of genai-prices."""

import datetime
import tomllib
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tools import sync_prices

from wye.catalog.schema import Price

DAY = datetime.date(2026, 11, 21)
ROW = """[provider]
id = "openai"

# a comment
[[models]]
id = "gpt-4o-mini"
name = "GPT-4o Mini"
{price}
tags = []
"""
STALE = 'price = { input = 9, output = 0.6, source = "genai-prices 0.0.1", date = 2026-01-01 }'
OURS = 'price = { input = 9, output = 0.6, source = "our own contract", date = 2026-01-01 }'


def _write(directory: Path, price: str) -> Path:
    path = directory / "openai.toml"
    path.write_text(ROW.format(price=price))
    return path


def test_our_catalog_agrees_with_genai_prices(capsys: pytest.CaptureFixture[str]) -> None:
    assert sync_prices.main(["--check"]) == 0, capsys.readouterr().out


def test_the_check_finds_a_difference_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(tmp_path, STALE)
    assert sync_prices.main(["--check", "--data", str(tmp_path)]) == 1
    assert path.read_text() == ROW.format(price=STALE)
    assert "gpt-4o-mini" in capsys.readouterr().out


def test_a_difference_is_repaired_and_nothing_else_is_touched(tmp_path: Path) -> None:
    path = _write(tmp_path, STALE)
    assert sync_prices.main(["--data", str(tmp_path)]) == 0
    before, after = ROW.format(price=STALE).split("\n"), path.read_text().split("\n")
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [after[7]]
    price = msgspec.convert(tomllib.loads(after[7], parse_float=Decimal)["price"], Price)
    assert (price.input, price.output, price.cache_read) == (Decimal("0.15"), Decimal("0.6"), Decimal("0.075"))
    assert sync_prices.main(["--check", "--data", str(tmp_path)]) == 0


def test_a_row_with_another_source_is_left_alone(tmp_path: Path) -> None:
    path = _write(tmp_path, OURS)
    assert sync_prices.main(["--data", str(tmp_path)]) == 0
    assert path.read_text() == ROW.format(price=OURS)


def test_a_model_that_genai_prices_lost_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(tmp_path, STALE)
    path.write_text(path.read_text().replace("gpt-4o-mini", "gpt-nonesuch"))
    assert sync_prices.main(["--data", str(tmp_path)]) == 1
    assert "unknown to genai-prices" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("gemini", "gemini-2.5-pro"),
        ("gemini", "gemini-4-argon"),
        ("deepseek", "deepseek-v4-pro"),
        ("anthropic", "claude-haiku-5-5"),
        ("huggingface", "openai/gpt-oss-120b:groq"),
        ("azure", "gpt-4o"),
    ],
)
def test_what_is_written_is_read_back_the_same(provider: str, model: str) -> None:
    price = sync_prices.price_of(sync_prices.find(provider, model), DAY)
    price = msgspec.structs.replace(price, source="x", date=DAY)
    line = sync_prices.render(price)
    assert msgspec.convert(tomllib.loads(line, parse_float=Decimal)["price"], Price) == price


def test_a_price_is_what_it_was_on_the_day_with_later_changes_ahead() -> None:
    row = sync_prices.find("gemini", "gemini-4-argon")
    now, later = sync_prices.price_of(row, DAY), sync_prices.price_of(row, datetime.date(2026, 12, 1))
    assert (now.input, [window.starts_on for window in now.windows]) == (Decimal(2), [datetime.date(2026, 12, 1)])
    assert (later.input, later.windows) == (Decimal(4), ())


def test_fees_become_dollars_apiece_and_tokens_stay_per_million() -> None:
    price = sync_prices.price_of(sync_prices.find("anthropic", "claude-sonnet-4-5"), DAY)
    assert (price.input, price.per_search) == (Decimal(3), Decimal("0.01"))
