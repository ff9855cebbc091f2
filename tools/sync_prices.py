"""Keep the catalog's prices equal to those of the `genai-prices` package.

    python tools/sync_prices.py            rewrite the prices that differ
    python tools/sync_prices.py --check    change nothing, exit 1 where one differs

Only rows whose price says `source = "genai-prices …"` are read or written; a row with another source is a decision of
ours and stays, and so does a tier of service with a source of its own. A row's figures are compared as they were on
the row's own `date`, so the check gives the same answer tomorrow. In a catalog file a price is one line,
`price = { … }`, and only that line is ever replaced.
"""

import argparse
import datetime
import re
import sys
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from genai_prices import types as genai
from genai_prices.data import providers as genai_providers

from wye.catalog.schema import Price, PriceTier, PriceWindow, Rates, ServiceTier

DATA = Path(__file__).resolve().parent.parent / "src" / "wye" / "catalog" / "data"
SOURCE = "genai-prices"

PROVIDERS = {
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "aws",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gemini": "google",
    "grok4": "x-ai",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together": "together",
    "vertex": "google",
}
"""Our provider ids and theirs. Hugging Face is not here: there the model's name carries the provider."""

RATES: dict[str, tuple[str, int]] = {
    "input_mtok": ("input", 1),
    "output_mtok": ("output", 1),
    "cache_read_mtok": ("cache_read", 1),
    "cache_write_mtok": ("cache_write", 1),
    "cache_write_1h_mtok": ("cache_write_1h", 1),
    "output_reasoning_mtok": ("reasoning", 1),
    "input_audio_mtok": ("audio_input", 1),
    "output_audio_mtok": ("audio_output", 1),
    "input_image_mtok": ("image_input", 1),
    "output_image_mtok": ("image_output", 1),
    "requests_kcount": ("per_request", 1000),
    "web_searches_kcount": ("per_search", 1000),
    "audio_hours": ("per_audio_hour", 1),
    "input_mchars": ("per_million_characters", 1),
}
"""Their price keys, the catalog's fields and what to divide by."""

UNMODELLED = frozenset(
    {
        "cache_audio_read_mtok",
        "cache_image_read_mtok",
        "input_audio_hours",  # the same figure as audio_hours
        "input_video_mtok",
        "storage_searches_kcount",
    }
)
"""Price keys the catalog knowingly has no field for; any other key is an error, so that no fee is lost in silence."""

TIER_KEYS = ("service_tier", "speed", "processing")
"""What selects a tier of service in their data; what else selects a price is nothing that an answer tells."""

_ID = re.compile(r'^(?:upstream_)?id = "(?P<id>[^"]+)"$')
_PRICE = re.compile(r"^price = \{.*\}$")


class SyncError(Exception):
    """A row cannot be priced from `genai-prices`."""


def find(provider: str, model: str) -> genai.ModelInfo:
    """Return the `genai-prices` row for a model's wire name at one of our providers."""
    name = PROVIDERS.get(provider, provider)
    if provider == "huggingface":
        model, _, backend = model.rpartition(":")
        name = f"huggingface_{backend}"
    for candidate in genai_providers:
        if candidate.id == name and (found := candidate.find_model(model, all_providers=genai_providers)):
            return found
    raise SyncError(f"{provider}/{model}: unknown to genai-prices")


def price_of(model: genai.ModelInfo, day: datetime.date) -> Price:
    """Return a model's price as of `day`, with the announced changes and the prices by time of day after it."""
    entries = model.prices if isinstance(model.prices, list) else [genai.ConditionalPrice(prices=model.prices)]
    base = 0
    for index, entry in enumerate(entries):
        if _always_from(entry.constraint) <= day:
            base = index
    rates, tiers = _rates(entries[base].prices)
    windows = tuple(_window(entry, model) for entry in entries[base + 1 :])
    if not rates:
        raise SyncError(f"{model.id}: genai-prices has no figures")
    return Price(**rates, tiers=tiers, windows=windows, services=_services(model, day))


def _services(model: genai.ModelInfo, day: datetime.date) -> dict[str, ServiceTier]:
    """Return the prices of the tiers of service as of `day`; of several that apply the first one counts for a rate."""
    found: dict[str, tuple[dict[str, Any], tuple[PriceTier, ...]]] = {}
    for variant in model.price_variants or ():
        if len(variant.when) != 1 or _always_from(variant.constraint) > day:
            continue
        ((key, name),) = variant.when.items()
        rates, tiers = _rates(variant.prices)
        if key not in TIER_KEYS or not rates:
            continue
        known, bounds = found.get(name, ({}, ()))
        found[name] = (rates | known, bounds or tiers)
    return {name: ServiceTier(**rates, tiers=tiers) for name, (rates, tiers) in sorted(found.items())}


def _always_from(constraint: genai.StartDateConstraint | genai.TimeOfDateConstraint | None) -> datetime.date:
    """Return the day from which a price holds around the clock."""
    if constraint is None:
        return datetime.date.min
    return constraint.start_date if isinstance(constraint, genai.StartDateConstraint) else datetime.date.max


def _window(entry: genai.ConditionalPrice, model: genai.ModelInfo) -> PriceWindow:
    rates, tiers = _rates(entry.prices)
    if isinstance(entry.constraint, genai.StartDateConstraint):
        start_date = entry.constraint.start_date
        return PriceWindow(**rates, tiers=tiers, starts_on=start_date, services=_services(model, start_date))
    if isinstance(entry.constraint, genai.TimeOfDateConstraint):
        start, end = entry.constraint.start_time.replace(tzinfo=None), entry.constraint.end_time.replace(tzinfo=None)
        return PriceWindow(**rates, tiers=tiers, from_time=start, until_time=end)
    raise SyncError("a price without a condition follows one with a condition")


def _rates(price: genai.ModelPrice) -> tuple[dict[str, Any], tuple[PriceTier, ...]]:
    rates: dict[str, Any] = {}
    tiers: dict[int, dict[str, Any]] = {}
    for key, value in vars(price).items():
        if value is None or key in UNMODELLED:
            continue
        if key not in RATES:
            raise SyncError(f"price key {key} has no place in the catalog")
        field, divisor = RATES[key]
        if isinstance(value, genai.TieredPrices):
            for tier in value.tiers:
                tiers.setdefault(tier.start, {})[field] = _plain(tier.price / divisor)
        base = value.base if isinstance(value, genai.TieredPrices) else value
        rates[field] = _plain(Decimal(base) / divisor)
    if "cache_write" in rates and rates["cache_write"] < rates.get("input", 0):
        # OpenRouter's Gemini rows name the storage fee here, which comes on top of the input price
        del rates["cache_write"]
    return rates, tuple(PriceTier(above_input_tokens=start, **tiers[start]) for start in sorted(tiers))


def _plain(value: Decimal) -> Decimal:
    """Drop the noise of figures that were binary floats once."""
    return round(value, 9).normalize()


def render(price: Price) -> str:
    """Return the one line of a catalog file that says `price`."""
    parts = _fields(price)
    if price.windows:
        parts.append(f"windows = [{', '.join(_table(_window_fields(window)) for window in price.windows)}]")
    parts += _service_fields(price)
    parts.append(f'source = "{price.source}"')
    parts.append(f"date = {price.date}")
    return f"price = {_table(parts)}"


def _fields(rates: Rates) -> list[str]:
    values = ((name, getattr(rates, name)) for name in Rates.__struct_fields__)
    parts = [f"{name} = {value:f}" for name, value in values if value is not None]
    if isinstance(rates, Price | PriceWindow | ServiceTier) and rates.tiers:
        tiers = (_table([f"above_input_tokens = {tier.above_input_tokens}", *_fields(tier)]) for tier in rates.tiers)
        parts.append(f"tiers = [{', '.join(tiers)}]")
    return parts


def _window_fields(window: PriceWindow) -> list[str]:
    conditions = (("starts_on", window.starts_on), ("from_time", window.from_time), ("until_time", window.until_time))
    named = [f"{name} = {value}" for name, value in conditions if value is not None]
    return named + _fields(window) + _service_fields(window)


def _service_fields(price: Price | PriceWindow) -> list[str]:
    if not price.services:
        return []
    tiers = []
    for name, tier in sorted(price.services.items()):
        parts = ([f"factor = {tier.factor:f}"] if tier.factor is not None else []) + _fields(tier)
        parts += [f'source = "{tier.source}"'] if tier.source else []
        tiers.append(f"{name} = {_table(parts)}")
    return [f"services = {_table(tiers)}"]


def _table(parts: list[str]) -> str:
    return f"{{ {', '.join(parts)} }}"


def wanted(provider: str, model: str, current: Price, day: datetime.date) -> Price:
    """Return what `current`, a price taken from genai-prices, is on `day`: itself where its figures are right."""
    fresh = price_of(find(provider, model), day)
    ours = {name: tier for name, tier in current.services.items() if tier.source}
    fresh = msgspec.structs.replace(fresh, services=dict(sorted((fresh.services | ours).items())))
    if msgspec.structs.replace(current, source="", date=None) == fresh:
        return current
    return msgspec.structs.replace(fresh, source=f"{SOURCE} {version(SOURCE)}", date=day)


def _rows(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the line number of each price line with its model's wire name."""
    name = ""
    for number, line in enumerate(lines):
        if line == "[[models]]":
            name = ""
        elif match := _ID.match(line):
            name = match["id"]
        elif name and _PRICE.match(line):
            yield number, name


def sync(path: Path, *, check: bool, today: datetime.date) -> list[str]:
    """Bring one catalog file up to date and return what differed; with `check` the file stays as it is."""
    lines = path.read_text(encoding="utf-8").split("\n")
    differences = []
    for number, name in _rows(lines):
        parsed = tomllib.loads(lines[number], parse_float=Decimal)["price"]
        current = msgspec.convert(parsed, Price)
        if not current.source.startswith(SOURCE):
            continue
        day = (current.date or today) if check else today
        try:
            line = render(wanted(path.stem, name, current, day))
        except SyncError as error:
            differences.append(f"{path.name}: {error}")
            continue
        if line != lines[number]:
            differences.append(f"{path.name}: {name}\n  - {lines[number]}\n  + {line}")
            lines[number] = line
    if differences and not check:
        path.write_text("\n".join(lines), encoding="utf-8")
    return differences


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the status is 1 where `--check` found a difference or a row could not be priced."""
    parser = argparse.ArgumentParser(description="Bring the catalog's prices up to date with genai-prices.")
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 where a price differs")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with the catalog files")
    options = parser.parse_args(arguments)
    today = datetime.datetime.now(datetime.UTC).date()
    found = [
        difference
        for path in sorted(options.data.glob("*.toml"))
        for difference in sync(path, check=options.check, today=today)
    ]
    for difference in found:
        sys.stdout.write(f"{difference}\n")
    sys.stdout.write(f"{len(found)} difference{'' if len(found) == 1 else 's'}\n")
    unpriced = any("\n" not in difference for difference in found)
    return 1 if found and (options.check or unpriced) else 0


if __name__ == "__main__":
    raise SystemExit(main())
