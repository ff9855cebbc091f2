"""Runs every drill on both databases and prints what it found: `python -m tests.books [--json] [--size N] [words]`."""

import argparse
import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from tests.books.drills import DRILLS, run
from tests.books.recount import Finding
from tests.support.postgres import postgres_server


def main() -> int:
    """Run the drills whose names hold all the words; return 1 where a book was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.books", description=__doc__)
    parser.add_argument("words", nargs="*", help="run drills whose name or database holds these words")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.add_argument("--size", type=int, default=2, help="how long and how crowded; 1 is what the tests run")
    asked = parser.parse_args()
    console = Console(stderr=asked.json)
    findings = []
    with postgres_server() as postgres:
        for database in ("sqlite", "postgresql"):
            for name in DRILLS:
                if all(word.lower() in f"{name} {database}".lower() for word in asked.words):
                    console.print(f"[dim]{name}, {database} …[/]")
                    findings.append(run(name, database, postgres, size=asked.size))
    if asked.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))  # noqa: T201 - what it is for
    else:
        console.print(_table(findings))
    for finding in findings:
        for wrong in finding.wrong[:20]:
            console.print(f"[red]{finding.drill}, {finding.database}[/]: {wrong}", highlight=False)
    return int(any(finding.wrong for finding in findings))


def _table(findings: list[Finding]) -> Table:
    table = Table(title="The books after each drill, beside the provider's own log")
    for heading in ("drill", "database"):
        table.add_column(heading)
    for heading in (
        "asked", "refused", "reached", "rows", "exact", "estimated", "lost", "not sent", "booked USD", "recounted USD",
        "estimated USD", "lost: held USD", "lost: cost USD", "budget USD", "charged USD",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    table.add_column("books")
    for one in findings:
        counts = (one.asked, one.refused, one.reached, one.rows, one.exact, one.estimated, one.lost, one.unsent)
        money = (f"{pico / 10**12:.12f}" for pico in (one.booked, one.recounted, one.by_rule, one.held, one.lost_cost))
        budget = (f"{one.budget / 10**12:g}", f"{one.charged / 10**12:.6f}")
        verdict = one.skipped or ("[red]wrong[/]" if one.wrong else "[green]right[/]")
        table.add_row(one.drill, one.database, *map(str, counts), *money, *budget, verdict)
    return table


if __name__ == "__main__":
    sys.exit(main())
