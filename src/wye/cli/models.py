"""`wye models`, `wye models show` and `wye explain`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final

import typer
from msgspec import structs
from rich.text import Text

from wye import catalog
from wye.catalog.schema import ModelInfo
from wye.cli.output import Column, console, fail, figure, money, print_json, print_table, rate, short_figure
from wye.cli.serve import Config
from wye.config import load_settings
from wye.core.errors import ModelNotFoundError, WyeError
from wye.engine import Engine
from wye.registry import ModelRegistry

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
MaxCost = Annotated[
    str | None, typer.Option(help="USD per 1,000 tokens, mean of input and output price.", metavar="USD")
]
MaxLatency = Annotated[
    float | None, typer.Option(help="Milliseconds that a model's latency may count as.", metavar="MS")
]
MinContext = Annotated[int | None, typer.Option(help="Tokens the context must hold.")]
MinQuality = Annotated[str | None, typer.Option(help="The lowest quality tier that will do.", metavar="TIER")]


def list_models(  # noqa: PLR0913 - an option each
    context: typer.Context,
    *,
    provider: Annotated[str | None, typer.Option("--provider", "-p", help="Only this provider's.")] = None,
    capability: Annotated[list[str] | None, typer.Option(help="Only those that can do this; repeatable.")] = None,
    max_cost: MaxCost = None,
    max_latency: MaxLatency = None,
    min_context: MinContext = None,
    latency_tier: Annotated[str | None, typer.Option(help="very-fast, fast, medium or slow.")] = None,
    quality_tier: Annotated[str | None, typer.Option(help="highest, high, good, experimental or testing.")] = None,
    min_quality: MinQuality = None,
    tag: Annotated[str | None, typer.Option(help="Only those marked so: free, preview, regional …")] = None,
    open_source: Annotated[bool, typer.Option("--open-source", help="Only open models.")] = False,
    usable: Annotated[bool, typer.Option("--usable", help="Only those of configured providers.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List models; prices are USD per million tokens.

    Example: wye models --capability vision --max-cost 0.01
    """
    if context.invoked_subcommand is not None:
        return
    try:
        registry = ModelRegistry(engine_of(config))
        rows = registry.filter(
            provider=provider,
            capabilities=capability or (),
            max_cost=max_cost,
            max_latency=max_latency,
            min_context_window=min_context,
            latency_tier=latency_tier,
            quality_tier=quality_tier,
            min_quality=min_quality,
            tag=tag,
            open_source=True if open_source else None,
            available=True if usable else None,
        )
    except WyeError as error:
        fail(error)
    if as_json:
        print_json(
            [{**structs.asdict(row), "full_id": row.full_id, "available": registry.is_available(row)} for row in rows]
        )
        return
    _print_models(rows, registry)


def _print_models(rows: Sequence[ModelInfo], registry: ModelRegistry) -> None:
    print_table(
        _COLUMNS,
        [
            (
                _name(row, usable=registry.is_available(row)),
                short_figure(row.context_window),
                short_figure(row.max_output_tokens),
                rate(row.price.input),
                rate(row.price.output),
                row.latency_tier,
                row.quality_tier,
                _abilities(row),
            )
            for row in rows
        ],
    )
    counted = "1 model" if len(rows) == 1 else f"{len(rows)} models"
    console.print(f"{counted}; those in grey need a key, † is deprecated", style="dim", highlight=False)


_COLUMNS: Final = (
    Column("model"),
    Column("context", 1, right=True),
    Column("output", 2, right=True),
    Column("in $/M", right=True),
    Column("out $/M", right=True),
    Column("latency", 4),
    Column("quality", 3),
    Column("can", 5, text="cut"),
)
_SOUGHT_FIRST: Final = ("vision", "function-calling", "reasoning", "web-search", "json-schema", "prompt-caching")


def _name(row: ModelInfo, *, usable: bool) -> Text:
    name = Text(row.full_id, style="" if usable else "dim")
    return name.append(" †", style="yellow") if row.deprecated else name


def _abilities(row: ModelInfo) -> str:
    """List what a model can do beyond text, what people choose models by first."""
    first = [name for name in _SOUGHT_FIRST if name in row.capabilities]
    return " ".join([*first, *sorted(row.capabilities - {"text", "streaming", *first})])


def show(
    name: Annotated[str, typer.Argument(help="A model, by any of its names.")],
    *,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show everything known of a model.

    Example: wye models show gpt-4o-mini
    """
    try:
        rows = _find(engine_of(config), name)
    except WyeError as error:
        fail(error)
    if as_json:
        print_json(rows[0] if len(rows) == 1 else rows)
        return
    for at, row in enumerate(rows):
        space = "\n" if at else ""
        console.print(Text.assemble(space, (row.full_id, "bold"), f"  {row.name}"), soft_wrap=True)
        if row.description:
            console.print(Text(row.description, "dim"), soft_wrap=True)
        facts = [(Text(label, style="dim"), value) for label, value in _facts(row)]
        print_table((Column(""), Column("", text="wrapped")), facts, titled=False)


def engine_of(config: Config) -> Engine:
    """Return an engine over the settings in force."""
    rows = catalog.load()
    return Engine(load_settings(rows, path=config), rows)


def _find(engine: Engine, name: str) -> list[ModelInfo]:
    known = engine.snapshot.catalog
    provider, _, rest = name.partition("/")
    row = known.models.get(name) or (known.find(provider, rest) if known.provider(provider) else None)
    rows = [row] if row else list(known.by_name(name))
    if not rows:
        raise ModelNotFoundError(f"there is no model {name!r}; near names: {', '.join(known.near(name))}")
    return rows


def _facts(row: ModelInfo) -> list[tuple[str, str]]:
    price = row.price
    facts = [
        ("context window", figure(row.context_window)),
        ("longest answer", figure(row.max_output_tokens)),
        ("can", ", ".join(sorted(row.capabilities))),
        ("latency, quality", f"{row.latency_tier}, {row.quality_tier}"),
        ("open source", "yes" if row.open_source else "no"),
        ("input", _per_million(price.input)),
        ("output", _per_million(price.output)),
    ]
    for label, special in (("cache read", price.cache_read), ("cache write", price.cache_write)):
        if special is not None:
            facts.append((label, _per_million(special)))
    for tier in price.tiers:
        rates = f"{rate(tier.input)} in, {rate(tier.output)} out"
        facts.append((f"above {tier.above_input_tokens:,} tokens", rates))
    if price.source:
        facts.append(("price from", f"{price.source}, {price.date}" if price.date else price.source))
    if names := (*row.aliases, *row.short_names, *row.template_ids):
        facts.append(("also called", ", ".join(names)))
    if row.deprecated:
        end = f", ends {row.retires_on}" if row.retires_on else ""
        instead = f", use {row.replaced_by}" if row.replaced_by else ""
        facts.append(("deprecated", f"yes{end}{instead}"))
    return facts


def _per_million(price: Decimal | None) -> str:
    return "unknown" if price is None else f"{money(price)} per million tokens"
