"""How long a plan over 2,000 models takes, by kind of request; made of the catalog's own rows under further names."""

import time
from decimal import Decimal

from msgspec import Struct, structs
from rich.console import Console
from rich.table import Table

from wye import catalog
from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo
from wye.core.plan import Wanted
from wye.health import ALL_WELL, HealthView, Mark, Observed
from wye.routing.names import Availability
from wye.routing.planner import Planner

MODELS = 2000
LIMIT_MICROSECONDS = 200.0
_SEEING = frozenset({"vision", "function-calling", "streaming"})


class Figure(Struct, frozen=True):
    """Median time of one plan in microseconds, and of the first one of its kind in milliseconds."""

    kind: str
    microseconds: float
    first_milliseconds: float
    attempts: int


def planner(size: int = MODELS) -> Planner:
    """Return a planner over `size` models that can chat, all of them to be had."""
    known = catalog.load()
    able = [row for row in known.models.values() if "text" in row.capabilities and not row.deprecated]
    rows: list[ModelInfo] = []
    for at in range(size):
        row = able[at % len(able)]
        again = at // len(able)
        name = f"{row.id}~{again}" if again else row.id
        rows.append(structs.replace(row, id=name, aliases=(), short_names=(), template_ids=(), adapter=None))
    made = Catalog(known.providers.values(), rows)
    in_use = frozenset(row.provider for row in rows if not known.providers[row.provider].stand_in)
    return Planner(made, Availability(in_use, wires=frozenset(row.adapter for row in known.providers.values())))


def measure(rounds: int = 300) -> list[Figure]:
    """Plan each kind of request `rounds` times."""
    marks = HealthView(
        version=1,
        providers={"openai": Mark("breaker_open", "it fails")},
        observed={"gemini/gemini-3.8-flash": Observed(requests=100, success_rate=0.99, first_token_p50=0.4)},
    )
    kinds: list[tuple[str, Wanted, HealthView]] = [
        ("a named model", Wanted(model="anthropic/claude-haiku-4-5"), ALL_WELL),
        ("auto", _wanted("auto"), ALL_WELL),
        ("auto:balanced", _wanted("auto:balanced"), ALL_WELL),
        ("auto:cost, tools and images", _wanted("auto:cost", needs=_SEEING), ALL_WELL),
        ("auto:quality, a provider down", _wanted("auto:quality"), marks),
        ("auto:quality, at most $0.0005", _wanted("auto:quality", max_cost=Decimal("0.0005")), ALL_WELL),
        ("auto:balanced, 900,000 tokens", _wanted("auto:balanced", input_tokens=900_000), ALL_WELL),
        ("auto:coding, quality highest", _wanted("auto:coding", min_quality="highest"), ALL_WELL),
    ]
    made = planner()
    return [_figure(made, kind, wanted, health, rounds) for kind, wanted, health in kinds]


def print_figures(console: Console, figures: list[Figure]) -> bool:
    """Print the figures; tell whether all are under the limit."""
    table = Table(title=f"one plan over {MODELS:,} models")
    for title in ("request", "µs", "first, ms", "attempts"):
        table.add_column(title, justify="left" if title == "request" else "right")
    for one in figures:
        table.add_row(one.kind, f"{one.microseconds:.1f}", f"{one.first_milliseconds:.1f}", str(one.attempts))
    console.print(table)
    good = all(one.microseconds < LIMIT_MICROSECONDS for one in figures)
    console.print(f"{'under' if good else 'OVER'} the limit of {LIMIT_MICROSECONDS:.0f} µs")
    return good


def _wanted(name: str, needs: frozenset[str] = frozenset({"streaming"}), **members: object) -> Wanted:
    return structs.replace(Wanted(model=name, needs=needs, input_tokens=1200, output_tokens=400), **members)


def _figure(made: Planner, kind: str, wanted: Wanted, health: HealthView, rounds: int) -> Figure:
    began = time.perf_counter()
    plan = made.plan(wanted, health)
    first = time.perf_counter() - began
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        made.plan(wanted, health)
        times.append(time.perf_counter() - began)
    return Figure(kind, sorted(times)[rounds // 2] * 1e6, first * 1e3, len(plan.attempts))
