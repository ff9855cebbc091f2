"""Two real years of outages at two providers, gone through in a minute: `python -m tests.faults.availability`.

The record says in which minutes each of two providers was down. Two imitation providers serve one model family, each on
its own wire, and fail in those minutes; a gateway stands before them, its times made as much shorter as the minutes
are. A request stands for all the minutes up to the next one: every minute around the beginning and the end of an outage
is asked in, and some of those between, where nothing changes. That is harder than the record, since what happens in the
minutes left out would only give a breaker more time to close.
"""

import csv
import itertools
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.gateway import Running, provider, serving
from tests.support.imitation import KEY, Imitation
from tests.support.openai_wire import refusal
from tests.support.upstream import Received, Reply

ROOT = Path(__file__).parents[2]
RECORD = Path(os.environ.get("WYE_OUTAGES", ROOT.parent / "shared" / "faults" / "outage-intervals.csv"))
MINUTES = 600_480
"""The record's length."""
MINUTE = 0.004
"""How long a minute lasts here, in seconds, where the machine is quick enough to ask in each."""
SILENCE = 0.3
"""How long a provider may be silent, in seconds here."""
FAMILY = {"openai": ("openai_chat", "gpt-4o"), "anthropic": ("anthropic_messages", "claude-3-5-sonnet")}
"""Each provider's wire and its model of the family."""


@dataclass(frozen=True)
class Outage:
    """Minutes from `start` up to `end` in which a provider is down; `level` is 1 to 3, how bad it was."""

    provider: str
    start: int
    end: int
    level: int


@dataclass(frozen=True)
class Sampling:
    """Which minutes are asked in: all within `margin` of an edge, else every so many `within` and `between` outages."""

    margin: int
    within: int
    between: int


SHORT = Sampling(margin=1, within=60, between=1200)
LONG = Sampling(margin=10, within=5, between=120)


@dataclass
class Report:
    """What became of the requests; minutes count for the request that stands for them."""

    minutes: int
    requests: int = 0
    attempts: int = 0
    seconds: float = 0.0
    failed: Counter[str] = field(default_factory=Counter)
    failed_minutes: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0, 2: 0})
    """By how many providers were down."""
    minutes_with: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0, 2: 0})
    alone: dict[str, float] = field(default_factory=dict)

    @property
    def failed_though_up(self) -> float:
        """The share of failures while at least one provider was up."""
        up = self.minutes_with[0] + self.minutes_with[1]
        return (self.failed_minutes[0] + self.failed_minutes[1]) / up

    @property
    def available(self) -> float:
        """The share of minutes in which an answer was had."""
        return 1 - sum(self.failed_minutes.values()) / self.minutes

    @property
    def possible(self) -> float:
        """The share of minutes in which anybody was up."""
        return 1 - self.minutes_with[2] / self.minutes

    def table(self) -> str:
        """Return the report, to be read."""
        lines = [
            ("minutes gone through", f"{self.minutes:,}"),
            ("requests", f"{self.requests:,} in {self.seconds:.0f} s"),
            ("mean attempts", f"{self.attempts / self.requests:.3f}"),
            *((f"{name} alone would have reached", f"{share:.3%}") for name, share in self.alone.items()),
            ("at most possible", f"{self.possible:.3%}"),
            ("reached", f"{self.available:.3%}"),
            ("failed while one was up", f"{self.failed_though_up:.4%}"),
            ("minutes failed: both up, one up, both down", " ".join(map(str, self.failed_minutes.values()))),
            ("requests failed, by cause", ", ".join(f"{code} {n}" for code, n in self.failed.most_common()) or "none"),
        ]
        return "\n".join(f"{name:<44} {value}" for name, value in lines)


def read(path: Path) -> list[Outage]:
    """Read a record."""
    with path.open() as file:
        return [
            Outage(row["provider"], int(row["start_minute"]), int(row["end_minute"]), int(row["impact_level"]))
            for row in csv.DictReader(file)
        ]


def down(outages: Iterable[Outage], minutes: int) -> dict[str, list[Outage | None]]:
    """Return for each provider and minute the outage it is in."""
    found: dict[str, list[Outage | None]] = {name: [None] * minutes for name in FAMILY}
    for outage in outages:
        for minute in range(outage.start, min(outage.end, minutes)):
            found[outage.provider][minute] = outage
    return found


def sampled(outages: Sequence[Outage], minutes: int, sampling: Sampling) -> list[int]:
    """Return the minutes to ask in: the first of all, and every one in which something changes, among them."""
    chosen = set(range(0, minutes, sampling.between))
    for outage in outages:
        chosen.update(range(outage.start, outage.end, sampling.within))
        for edge in (outage.start, outage.end):
            chosen.update(range(edge - sampling.margin, edge + sampling.margin + 1))
    return sorted(minute for minute in chosen if 0 <= minute < minutes)


class Provider:
    """An imitation that is down while it has an outage."""

    def __init__(self, name: str) -> None:
        self.outage: Outage | None = None
        self._imitation = Imitation()
        self._well = self._imitation._reply
        self._imitation.upstream.handler = self._reply
        self._name = name
        self._silent: set[Outage] = set()

    def open(self, stack: ExitStack) -> str:
        """Begin to serve; return the base URL."""
        stack.enter_context(self._imitation)
        return self._imitation.mount(self._name, FAMILY[self._name][0])

    def suffer(self, outage: Outage | None) -> None:
        """Be down for this reason, or up."""
        self.outage = outage
        self._imitation.upstream.refusing = outage is not None and self._way(outage) == 3

    def _way(self, outage: Outage) -> int:
        return (outage.start + outage.level) % 4

    def _reply(self, request: Received) -> Reply:
        outage = self.outage
        if outage is None:
            return self._well(request)
        if outage.level > 1 and outage not in self._silent:
            self._silent.add(outage)  # the worse ones begin with a silence
            return Reply.silence()
        return (refusal(500), refusal(503), Reply.reset(), Reply.reset())[self._way(outage)]


def settings(urls: dict[str, str]) -> str:
    """Return the gateway's defaults, made shorter."""
    second = MINUTE / 60
    silence = f"timeout = {SILENCE}", f"answer_timeout = {SILENCE}"
    members = ", ".join(f'"{name}/{model}"' for name, (_, model) in FAMILY.items())
    return "\n".join([
        *(provider(name, url, f'api_keys = ["{KEY}"]', *silence) for name, url in urls.items()),
        f"[aliases]\nfamily = [{members}]\n",
        f"[retry]\nbase_delay = {second}\nmax_delay = {MINUTE}\n",
        f"[breaker]\nopen_seconds = {MINUTE}\n",
        "[routing]\ndeadline = 10\n",
    ])  # fmt: skip


def drill(outages: Sequence[Outage], minutes: int, sampling: Sampling) -> Report:
    """Go through a record."""
    states = down(outages, minutes)
    chosen = sampled(outages, minutes, sampling)
    report = Report(minutes=minutes)
    for name, state in states.items():
        report.alone[name] = 1 - sum(outage is not None for outage in state) / minutes
    providers = {name: Provider(name) for name in FAMILY}
    with ExitStack() as stack:
        urls = {name: each.open(stack) for name, each in providers.items()}
        gateway = stack.enter_context(serving(settings(urls)))
        began = due = time.monotonic()
        for number, (minute, next_) in enumerate(itertools.pairwise([*chosen, minutes])):
            due = max(due + MINUTE, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            for name, each in providers.items():
                each.suffer(states[name][minute])
            code = _ask(gateway, report, streamed=bool(number % 2))
            together = sum(state[minute] is not None for state in states.values())
            report.minutes_with[together] += next_ - minute
            if code:
                report.failed_minutes[together] += next_ - minute
                report.failed[f"{code} ({together} down)"] += 1
        report.seconds = time.monotonic() - began
    return report


def _ask(gateway: Running, report: Report, *, streamed: bool) -> str:
    """Make one request; return the code of what went wrong."""
    answer = gateway.chat("family", stream=streamed)
    report.requests += 1
    report.attempts += int(answer.headers.get("x-wye-attempts", "0"))
    if answer.status != 200:
        return str(answer.error["code"])
    if streamed:
        return "" if answer.events[-1] == b"[DONE]" else "stream broke off"
    return "" if answer.json["choices"][0]["message"]["content"] else "no text"


if __name__ == "__main__":
    print(drill(read(RECORD), MINUTES, SHORT if "--short" in sys.argv else LONG).table())  # noqa: T201 - its purpose
