"""With two providers of which each is down for days in a year, hardly anybody notices while one of them is up."""

import os

import pytest
from tests.faults.availability import LONG, MINUTES, RECORD, SHORT, Outage, drill, read, sampled

MADE_UP = [
    Outage("openai", 0, 20, 1),
    Outage("anthropic", 60, 90, 2),
    Outage("openai", 80, 140, 3),
    Outage("anthropic", 150, 151, 1),
    Outage("openai", 151, 152, 2),
    *(Outage("openai" if at % 2 else "anthropic", 200 + 10 * at, 209 + 10 * at, 1 + at % 3) for at in range(40)),
]


def test_nobody_notices_an_outage_of_one_provider(tables: dict[str, str]) -> None:
    report = drill(MADE_UP, 700, SHORT)
    tables["a made-up record"] = report.table()
    assert report.failed_minutes[0] + report.failed_minutes[1] <= 3, report.table()
    assert report.failed_minutes[2] <= 10


@pytest.mark.timeout(300)
def test_the_recorded_outages_are_survived(tables: dict[str, str]) -> None:
    if not RECORD.exists():
        pytest.skip(f"the record of outages is not at {RECORD}; WYE_OUTAGES says where it is")
    report = drill(read(RECORD), MINUTES, LONG if os.environ.get("WYE_FAULTS") == "long" else SHORT)
    tables["the outages of two providers"] = report.table()
    assert report.minutes_with[2] == 497
    assert report.failed_though_up <= 0.0001, report.table()
    assert report.available >= 0.999, report.table()


def test_every_minute_in_which_something_changes_is_asked_in() -> None:
    chosen = set(sampled(MADE_UP, 700, SHORT))
    assert {edge for outage in MADE_UP for edge in (outage.start, outage.end)} <= chosen
    assert min(chosen) == 0
