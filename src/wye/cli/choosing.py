"""`wye explain` and `wye replay`: who would answer and why, and what other strategies would have made of the past."""

import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from msgspec import structs

from wye import replay as replaying
from wye.catalog import Catalog
from wye.catalog.schema import Price
from wye.cli.models import AsJson, engine_of
from wye.cli.output import Column, console, fail, figure, money, print_json, print_table, rate
from wye.cli.serve import Config
from wye.core.errors import InvalidRequestError, WyeError
from wye.core.plan import NO_WISHES, Dropped, Plan, Wanted, Wishes
from wye.engine import Engine
from wye.routing.filters import capability_named, quality_named
from wye.routing.names import Availability
from wye.routing.planner import Planner
from wye.routing.strategies import NAMES, strategy_named
from wye.surfaces import openai_chat

_MOST_CANDIDATES: Final = 10
_MOST_DROPPED: Final = 15
_MOST_LINES: Final = 20

Strategy = Annotated[str | None, typer.Option("--strategy", "-s", help=f"One of {', '.join(NAMES)}.")]


def explain(
    prompt: Annotated[list[str] | None, typer.Argument(help="What would be asked.")] = None,
    *,
    model: Annotated[str, typer.Option("--model", "-m", help="A model, an alias, 'auto' or 'auto:cost'.")] = "auto",
    strategy: Strategy = None,
    capability: Annotated[list[str] | None, typer.Option(help="What the model must be able to do; repeatable.")] = None,
    max_cost: Annotated[str | None, typer.Option(help="USD for the request.")] = None,
    min_quality: Annotated[str | None, typer.Option(help="The lowest quality tier that will do.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show where a request would go, in which order, with scores, and what was left out and why; nothing is sent.

    Example: wye explain "Hello" -m auto:cost
    """
    try:
        engine = engine_of(config)
        wishes = _wishes(strategy, capability or (), max_cost, min_quality)
        body = {"model": model, "messages": [{"role": "user", "content": " ".join(prompt)}]} if prompt else None
        if body is None and wishes is None:
            plan = engine.explain(model)
        else:
            body = body or {"model": model, "messages": [{"role": "user", "content": ""}]}
            plan = engine.explain_call(openai_chat.parse_request(msgspec.json.encode(body)), wishes)
    except WyeError as error:
        fail(error)
    if as_json:
        print_json(plan)
    else:
        _print_plan(plan, engine.snapshot.catalog)
    if not plan.attempts:
        fail(engine.snapshot.planner.refusal(plan, Wanted(model=model, operation=None, max_cost=_usd(max_cost))))


def _wishes(
    strategy: str | None, capabilities: Sequence[str], max_cost: str | None, min_quality: str | None
) -> Wishes | None:
    wishes = Wishes(
        strategy=strategy_named(strategy, "--strategy") if strategy else None,
        needs=frozenset(capability_named(name) for name in capabilities),
        max_cost=_usd(max_cost),
        min_quality=quality_named(min_quality, "--min-quality") if min_quality else None,
    )
    return None if wishes == NO_WISHES else wishes


def _usd(text: str | None) -> Decimal | None:
    try:
        amount = None if text is None else Decimal(text)
    except InvalidOperation:
        amount = Decimal("nan")
    if amount is not None and not (amount.is_finite() and amount >= 0):
        raise InvalidRequestError(f"{text!r} is not an amount in USD")
    return amount


def _print_plan(plan: Plan, known: Catalog) -> None:
    if plan.attempts:
        prices = [row.price if (row := known.models.get(attempt.full_id)) else Price() for attempt in plan.attempts]
        print_table(
            (
                Column(""),
                Column("attempt"),
                Column("in $/M", 1, right=True),
                Column("out $/M", 1, right=True),
                Column("why", text="wrapped"),
            ),
            [
                (str(at), attempt.full_id, rate(price.input), rate(price.output), attempt.reason)
                for at, (attempt, price) in enumerate(zip(plan.attempts, prices, strict=True), 1)
            ],
        )
    if plan.candidates:
        console.print()
        _print_candidates(plan)
    if plan.attempts and plan.dropped:
        console.print()
    if plan.dropped:
        # One sentence stands for all that were dropped alike where there are many.
        shown = plan.dropped if len(plan.dropped) <= _MOST_DROPPED else _one_of_each(plan.dropped)
        print_table(
            (Column("dropped"), Column("code", 1), Column("why", text="wrapped")),
            [(_place(drop), drop.code, drop.reason) for drop in shown],
        )
        if len(shown) < len(plan.dropped):
            console.print(f"and {len(plan.dropped) - len(shown)} more; --json lists them all", style="dim")


def _print_candidates(plan: Plan) -> None:
    print_table(
        (
            Column("candidate"),
            Column("score", right=True),
            Column("cost", 1, right=True),
            Column("quality", 1, right=True),
            Column("speed", 1, right=True),
            Column("from", 2),
            Column("steady", 2, right=True),
            Column("expected $", right=True),
        ),
        [
            (
                f"{one.provider}/{one.model}",
                f"{one.score:.3f}",
                *(f"{one.parts[part]:.2f}" for part in ("cost", "quality", "speed")),
                one.speed_from,
                f"{one.parts['reliability']:.2f}",
                "unknown" if one.expected_cost is None else f"{one.expected_cost:.6f}",
            )
            for one in plan.candidates[:_MOST_CANDIDATES]
        ],
    )
    if len(plan.candidates) > _MOST_CANDIDATES:
        more = len(plan.candidates) - _MOST_CANDIDATES
        console.print(f"and {more} more under {plan.strategy}; --json lists them all", style="dim", highlight=False)


def _one_of_each(dropped: Sequence[Dropped]) -> list[Dropped]:
    first: dict[str, Dropped] = {}
    for drop in dropped:
        first.setdefault(drop.code, drop)
    return list(first.values())


def _place(drop: Dropped) -> str:
    return f"{drop.provider}/{drop.model}" if drop.model else drop.provider


def replay(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="JSON lines: request bodies (with usage), {request, model, usage, cost_usd}, or the gateway's log; "
            "'-' for what is piped in."
        ),
    ] = None,
    *,
    strategy: Annotated[
        list[str] | None, typer.Option("--strategy", "-s", help=f"One of {', '.join(NAMES)}; repeatable.")
    ] = None,
    mix: Annotated[bool, typer.Option("--mix", help="A stated mix of requests against one premium model.")] = False,
    premium: Annotated[str | None, typer.Option(help="With --mix: the model that would answer everything.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what other strategies would have chosen for stored requests, and what that would have cost.

    Who answered is who the line says, else who would today, asked as the request was.

    Example: wye replay --mix
    """
    try:
        if (file is None) is not mix:
            raise InvalidRequestError("name a file of stored requests, '-' for what is piped in, or --mix")
        strategies = [strategy_named(name, "--strategy") for name in strategy or ("balanced", "cost")]
        engine = engine_of(config)
        planner, known = _planner(engine) if mix else (engine.snapshot.planner, engine.snapshot.catalog)
        stored = _mixed(known, premium) if mix else list(replaying.read(_lines(file), planner))
        found = {name: list(replaying.replay(stored, planner, known, name)) for name in strategies}
    except WyeError as error:
        fail(error)
    if as_json:
        print_json(found)
        return
    for name, lines in found.items():
        _print_replay(name, lines, known, mix=mix)


def _lines(file: Path | None) -> list[bytes]:
    if file == Path("-"):
        return sys.stdin.buffer.read().splitlines()
    try:
        return file.read_bytes().splitlines() if file is not None else []
    except OSError as error:
        raise InvalidRequestError(f"{str(file)!r} cannot be read: {error.strerror}") from None


def _planner(engine: Engine) -> tuple[Planner, Catalog]:
    """Return a planner over the providers in use or, where there are none, over all of the fallback order.

    Models that cost nothing are left out: no saving is to come from gifts.
    """
    now = engine.snapshot
    known = now.catalog
    in_use = {name for name in now.availability.configured if not known.providers[name].stand_in}
    order = {row.id for name in now.settings.routing.fallback_order if (row := known.provider(name))}
    chosen = in_use or {name for name in order if not known.providers[name].stand_in}
    rows = [row for row in known.models.values() if row.provider in chosen and not row.price.is_free]
    priced = Catalog(known.providers.values(), rows)
    availability = Availability(frozenset(chosen), wires=now.availability.wires)
    return Planner(priced, availability, now.settings.routing), priced


def _mixed(known: Catalog, premium: str | None) -> list[replaying.Stored]:
    name = premium or replaying.premium_of(known.models.values())
    if name not in known.models:
        raise InvalidRequestError(f"there is no model {name!r} of the providers in use; write provider/model")
    return replaying.mix(name)


def _print_replay(strategy: str, lines: Sequence[replaying.Replayed], known: Catalog, *, mix: bool) -> None:
    against = f" against {lines[0].was}" if mix and lines else ""
    console.print(f"strategy {strategy}{against}", style="bold", highlight=False, soft_wrap=True)
    grouped: dict[tuple[object, ...], list[replaying.Replayed]] = {}
    for one in lines:
        asked = structs.replace(one.wanted, turn=0)
        grouped.setdefault((one.was, one.now, one.usage, asked.min_quality, asked.needs, one.error), []).append(one)
    print_table(
        (
            Column("requests", right=True),
            Column("in", 2, right=True),
            Column("out", 2, right=True),
            Column("asks for", 3, text="wrapped"),
            Column("was", 4),
            Column("would be"),
            Column("tier", 1),
            Column("was $", 1, right=True),
            Column("would be $", right=True),
        ),
        [_row(group, known) for group in list(grouped.values())[: None if mix else _MOST_LINES]],
    )
    was = replaying.total([one.was_cost for one in lines])
    now = replaying.total([one.now_cost for one in lines])
    told = f"{len(lines)} requests: was {money(was)}, would be {money(now)}"
    if was and now is not None:
        told += f": {100 * (was - now) / was:.1f}% saved"
    console.print(told + "\n", highlight=False, soft_wrap=True)


def _row(group: Sequence[replaying.Replayed], known: Catalog) -> tuple[str, ...]:
    one = group[0]
    row = known.models.get(one.now or "")
    asks = [*([f"quality {one.wanted.min_quality}"] if one.wanted.min_quality else []), *sorted(one.wanted.needs)]
    return (
        str(len(group)),
        figure(one.usage.input_tokens),
        figure(one.usage.output_tokens),
        ", ".join(asks),
        f"{one.was or 'unknown'}{' (as asked)' if one.supposed else ''}",
        one.now or f"nobody: {one.error}",
        row.quality_tier if row else "",
        money(replaying.total([each.was_cost for each in group])),
        money(replaying.total([each.now_cost for each in group])),
    )
