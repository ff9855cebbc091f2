"""`evaluation_metrics`: what judges said of models' answers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from wye.assistant.analytics.asked import Books, Name, Viewer, When
from wye.assistant.analytics.tables import Cell, Chart, Column, Finding, Table, percent, period_of, usd
from wye.core.record import HOUR_US
from wye.store import evaluations
from wye.store.evaluations import MOST, Evaluation, Sought

NAME: Final = "evaluation_metrics"
DESCRIPTION: Final = (
    "Quality of models' answers as judges saw it: by model how many were judged, wins, losses, ties, win rate, mean "
    "score (0 to 1), and how often a judge changed its mind when the answers were swapped."
)
_UNNAMED: Final = "(unnamed)"
_COLUMNS: Final = (
    Column("judged", "count"), Column("wins", "count"), Column("losses", "count"), Column("ties", "count"),
    Column("win_rate", "%"), Column("mean_score"), Column("order_mattered", "%"),
)  # fmt: skip


class Arguments(When, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which judgements, and by what."""

    name: Annotated[Name, Meta(description="Only those of this evaluation.")] | None = None
    model: Annotated[Name, Meta(description="Only those with this model.")] | None = None
    kind: Literal["pairwise", "rubric"] | None = None
    by: Literal["model", "judge", "name"] = "model"


class Tally(Struct):
    """What one model came to; `score` is the sum over `scored`, in thousandths."""

    judged: int = 0
    wins: int = 0
    losses: int = 0
    ties: int = 0
    scored: int = 0
    score: int = 0
    disagreed: int = 0
    pairs: int = 0


async def answer(books: Books, asked: Arguments, viewer: Viewer) -> Finding:
    """Return what judges said."""
    reach, span = viewer.reach, asked.span(viewer)
    since, until = span.start * HOUR_US, span.end * HOUR_US
    async with books.source.read() as connection:
        found = await evaluations.page(
            connection, reach, since, until, Sought(name=asked.name, kind=asked.kind, model=asked.model), limit=MOST
        )
    tallies = tallied(found, asked.by)
    notes = [] if found else ["nothing was judged in that time; POST /api/evaluations/judge does so"]
    if len(found) == MOST:
        notes.append(f"only the latest {MOST} judgements are counted")
    if asked.by != "model":
        notes.append("wins and losses are those of the first answer of a pair")
    return Finding(
        period=period_of(span),
        summary=_summary(found),
        table=Table((Column(asked.by), *_COLUMNS), [_row(name, one) for name, one in tallies]),
        chart=Chart(kind="bar", x=asked.by, y=["win_rate"]),
        notes=notes,
    )


def tallied(found: Iterable[Evaluation], by: Literal["model", "judge", "name"]) -> list[tuple[str, Tally]]:
    """Return what each came to, the best first."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for one in found:
        if by == "model":
            _count(tallies[one.model_a or _UNNAMED], one, "a")
            if one.model_b is not None:
                _count(tallies[one.model_b or _UNNAMED], one, "b")
        else:
            _count(tallies[one.judge if by == "judge" else one.name or _UNNAMED], one, "a")
    return sorted(tallies.items(), key=lambda item: (-(_rate(item[1]) or 0), -(_mean(item[1]) or 0), item[0]))


def _count(tally: Tally, one: Evaluation, side: str) -> None:
    tally.judged += 1
    if one.kind == "pairwise":
        tally.pairs += 1
        tally.wins += one.winner == side
        tally.ties += one.winner == "tie"
        tally.losses += one.winner not in {side, "tie"}
        tally.disagreed += not one.agreed
    if one.score is not None:
        tally.scored += 1
        tally.score += one.score


def _rate(tally: Tally) -> float | None:
    """Return the win rate, in which a tie is half a win."""
    return percent(tally.wins + tally.ties / 2, tally.pairs)


def _mean(tally: Tally) -> float | None:
    return round(tally.score / tally.scored / 1000, 3) if tally.scored else None


def _row(name: str, tally: Tally) -> list[Cell]:
    return [
        name,
        tally.judged,
        tally.wins,
        tally.losses,
        tally.ties,
        _rate(tally),
        _mean(tally),
        percent(tally.disagreed, tally.pairs),
    ]


def _summary(found: Sequence[Evaluation]) -> dict[str, Any]:
    pairs = [one for one in found if one.kind == "pairwise"]
    known = [one.cost for one in found if one.cost is not None]
    return {
        "judgements": len(found),
        "pairs": len(pairs),
        "order_mattered_percent": percent(sum(not one.agreed for one in pairs), len(pairs)),
        "judges": sorted({one.judge for one in found}),
        "cost_of_judging_usd": usd(sum(known)),
        "judgements_of_unknown_cost": len(found) - len(known),
    }
