"""Compares the books with the provider's own log, request by request."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.books.callers import Told
from tests.books.provider import INPUT_PICO, OUTPUT_PICO, Answered

_MESSAGE_TOKENS = 4
_BYTES_PER_TOKEN = 4


@dataclass
class Finding:
    """What a drill came to; `wrong` is empty where the books are right.

    `booked` and `recounted` are picodollars of requests whose usage was reported, `by_rule` those of estimated ones.
    `held` was set aside for what was lost, `lost_cost` is what that cost by the provider's log. `budget` is the amount
    that all of it is held to, `charged` what the budget counts as spent. `skipped` says why the drill was not run.
    """

    drill: str
    database: str
    asked: int = 0
    reached: int = 0
    rows: int = 0
    refused: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    exact: int = 0
    estimated: int = 0
    lost: int = 0
    unsent: int = 0
    booked: int = 0
    recounted: int = 0
    by_rule: int = 0
    held: int = 0
    lost_cost: int = 0
    budget: int = 0
    charged: int = 0
    skipped: str = ""
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Standing:
    """How the budget of a drill stands, and what the rows come to: picodollars.

    `spent` and `reserved` are the budget's, `leased` what processes have in hand of it half a minute later; `cost` and
    `unknown` are what the rows cost and what was held for those of unknown cost, `beyond` what they cost above holds.
    """

    spent: int
    reserved: int
    leased: int
    cost: int
    unknown: int
    beyond: int


class Recount:
    """Compares row by row; `finding` says what came of it. Nothing may be lost but where a process was killed."""

    def __init__(self, finding: Finding, *, may_be_lost: bool) -> None:
        """Begin with a finding to fill in."""
        self.finding = finding
        self._may_be_lost = may_be_lost

    def compare(
        self,
        rows: list[dict[str, Any]],
        summed: tuple[int, int],
        log: dict[int, Answered],
        told: dict[int, Told],
    ) -> None:
        """Compare the rows with what the provider did and what callers were told, and the sums with the rows."""
        finding, wrong = self.finding, self.finding.wrong
        finding.asked, finding.reached, finding.rows = len(told), len(log), len(rows)
        finding.refused = sum(one.status >= 400 for one in told.values())
        finding.by_status = dict(Counter(row["status"] for row in rows))
        by_number = {int(row["asked"][1:]): row for row in rows}
        if len(by_number) != len(rows):
            wrong.append(f"{len(rows) - len(by_number)} requests are booked twice")
        for number, row in by_number.items():
            self._row(row, told[number], log.get(number))
        wrong += [f"request {one.number} was sent {one.times} times" for one in log.values() if one.times > 1]
        wrong += [
            f"request {number} reached the provider and is not booked" for number in log.keys() - by_number.keys()
        ]
        answered = {number for number, said in told.items() if said.status == 200}
        wrong += [f"request {number} was answered and is not booked" for number in answered - by_number.keys()]
        known = sum(row["cost"] or 0 for row in rows)
        if summed != (len(rows), known):
            wrong.append(f"the sums say {summed}, the rows {(len(rows), known)}")
        if finding.booked != finding.recounted:
            wrong.append(f"booked {finding.booked} picodollars, recounted {finding.recounted}")

    def _row(self, row: dict[str, Any], said: Told, sent: Answered | None) -> None:
        finding, wrong = self.finding, self.finding.wrong
        ended = row["status"]
        if said.status in {402, 503}:
            wrong.append(f"request {said.number} was refused and is booked: {row}")
        if said.whole and ended not in {"ok", "cancelled"}:
            wrong.append(f"request {said.number} was answered to its end and is booked: {row}")
        if ended == "lost":
            finding.lost += 1
            if not self._may_be_lost or row["cost"] is not None:
                wrong.append(f"request {said.number} is lost: {row}")
            self._held(row, sent)
        elif sent is None:
            finding.unsent += 1
            if ended == "ok":
                wrong.append(f"request {said.number} reached nobody and is booked as answered")
        elif row["estimated"]:
            finding.estimated += 1
            finding.by_rule += row["cost"]
            wrong += _not_by_rule(row, sent)
            if said.whole:
                wrong.append(f"request {said.number} was answered to its end and is estimated: {row}")
        else:
            finding.exact += 1
            finding.booked += row["cost"]
            finding.recounted += sent.cost
            if (row["input_tokens"], row["output_tokens"]) != sent.tokens or row["cost"] != sent.cost or not sent.told:
                wrong.append(f"request {said.number}: booked {row}, the provider has {sent}")

    def _held(self, row: dict[str, Any], sent: Answered | None) -> None:
        """See that what was set aside for a lost request is at least what it cost."""
        finding, cost = self.finding, 0 if sent is None else sent.cost
        finding.held += row["hold"] or 0
        finding.lost_cost += cost
        if row["hold"] is None or row["hold"] < cost:
            finding.wrong.append(f"request {row['asked']} is lost and cost {cost}, more than was held: {row}")

    def compare_budget(self, amount: int, standing: Standing) -> None:
        """Compare what the budget counts with the rows, and with what it may come to at most.

        What is known to have been spent is what the rows cost, what is unknown is what was held for it, and all of it
        is within the amount but for what requests cost beyond their holds. Nobody who is gone has a part of it.
        """
        finding, wrong = self.finding, self.finding.wrong
        finding.budget, finding.charged = amount, standing.spent + standing.reserved
        if (standing.spent, standing.reserved) != (standing.cost, standing.unknown):
            wrong.append(f"the budget counts {standing.spent} and {standing.reserved}, the rows {standing}")
        if finding.charged > amount + standing.beyond:
            wrong.append(f"the budget of {amount} was spent to {finding.charged}, holds were {standing.beyond} too low")
        if standing.leased:
            wrong.append(f"{standing.leased} picodollars of the budget are nobody's and not given back")


def _not_by_rule(row: dict[str, Any], sent: Answered) -> list[str]:
    """Say where an estimate is not what docs/reference/books.md makes of what the provider sent at most."""
    read = _MESSAGE_TOKENS + -(-sent.prompt // _BYTES_PER_TOKEN)
    most = -(-sent.text // _BYTES_PER_TOKEN)
    cost = row["input_tokens"] * INPUT_PICO + row["output_tokens"] * OUTPUT_PICO
    if row["input_tokens"] == read and 0 <= row["output_tokens"] <= most and row["cost"] == cost:
        return []
    return [f"the estimate {row} is not by the rule: input {read}, output 0 to {most}"]
