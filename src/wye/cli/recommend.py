"""`wye recommend`."""

from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wye.cli.models import AsJson, MaxCost, MaxLatency, MinContext, MinQuality, engine_of
from wye.cli.output import Column, console, errors, fail, print_json, print_table, rate, short_figure
from wye.cli.serve import Config
from wye.core.errors import WyeError
from wye.registry import ModelRegistry
from wye.routing.recommend import Recommended


def recommend(  # noqa: PLR0913 - an option each
    *,
    task: Annotated[
        str | None, typer.Argument(help="simple, complex, coding or creative; or a strategy.", show_default=False)
    ] = None,
    capability: Annotated[list[str] | None, typer.Option(help="What it must be able to do; repeatable.")] = None,
    max_cost: MaxCost = None,
    max_latency: MaxLatency = None,
    min_quality: MinQuality = None,
    min_context: MinContext = None,
    prefer_open_source: Annotated[bool, typer.Option("--prefer-open-source", help="Rank open models higher.")] = False,
    provider: Annotated[str | None, typer.Option("--provider", "-p", help="Only this provider's.")] = None,
    usable: Annotated[bool, typer.Option("--usable", help="Only what can be asked now.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 5,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Recommend models for a task, best first, with the reasons; prices are USD per million tokens.

    Example: wye recommend coding --capability function-calling --max-cost 0.005
    """
    try:
        found = ModelRegistry(engine_of(config)).recommend(
            capability or ("text",),
            task=task,
            max_cost=max_cost,
            max_latency=max_latency,
            min_quality=min_quality,
            min_context_window=min_context,
            prefer_open_source=prefer_open_source,
            provider=provider,
            available=True if usable else None,
            limit=limit,
        )
    except WyeError as error:
        fail(error)
    if as_json:
        print_json([_as_json(one) for one in found])
    elif found:
        print_table(_COLUMNS, [_row(at, one) for at, one in enumerate(found, 1)])
        if not found[0].available:
            console.print("none of what is configured fits; those in grey need what is said", style="dim")
    if not found:
        errors.print("nothing fits: loosen a bound, or see 'wye models'", style="yellow")
        raise typer.Exit(1)


_COLUMNS: Final = (
    Column("", 2),
    Column("model"),
    Column("score", right=True),
    Column("in $/M", 1, right=True),
    Column("out $/M", 1, right=True),
    Column("context", 3, right=True),
    Column("why", text="wrapped", least=28),
)


def _row(at: int, one: Recommended) -> tuple[str | Text, ...]:
    model = one.model
    return (
        str(at),
        Text(model.full_id, style="" if one.available else "dim"),
        f"{one.score:.3f}",
        rate(model.price.input),
        rate(model.price.output),
        short_figure(model.context_window),
        "; ".join(one.reasons),
    )


def _as_json(one: Recommended) -> dict[str, Any]:
    model = one.model
    return {
        "model": model.full_id,
        "provider": model.provider,
        "score": one.score,
        "parts": one.parts,
        "reasons": one.reasons,
        "available": one.available,
        "why_not": one.why_not or None,
        "latency_tier": one.latency_tier,
        "quality_tier": one.quality_tier,
        "observed": one.observed,
        "input_cost_per_million": model.price.input,
        "output_cost_per_million": model.price.output,
        "context_window": model.context_window,
        "capabilities": sorted(model.capabilities),
        "open_source": model.open_source,
    }
