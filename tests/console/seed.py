"""`wye serve` as a company has it after a month: providers, people, keys, budgets, the books of what they asked.

python -m tests.console.seed               serve it until Ctrl-C, to work on the console with `npm run dev`
python -m tests.console.seed --locked      the same behind an admin key
"""

import argparse
import asyncio
import json
import math
import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec import structs
from tests.console.talks import hold
from tests.support.books import attempt, used, write
from tests.support.databases import config_for
from tests.support.gateway import Json, Process, process, provider
from tests.support.imitation import KEY, Imitation
from tests.support.upstream import Received, Reply

from wye.core.caller import LOCAL
from wye.core.record import UsageRecord
from wye.store.database import Database
from wye.store.upgrade import upgrade

ADMIN_KEY: Final = "wye-admin-of-the-console-0123456789"
_WIRES: Final = {
    "openai": "openai_chat",
    "anthropic": "anthropic_messages",
    "gemini": "gemini",
    "mistral": "openai_chat",
    "groq": "openai_chat",
}
_SETTINGS: Final = """
[aliases]
fast = ["openai/gpt-4o-mini", "groq/llama-3.1-8b-instant"]
careful = ["anthropic/claude-sonnet-5", "openai/gpt-4o"]

[routing]
fallback_order = ["openai", "anthropic", "gemini", "mistral", "groq"]

[retry]
max_retries = 1
base_delay = 0.01

[breaker]
failure_threshold = 3
"""


@dataclass(frozen=True)
class _Kind:
    """How a model is used: its share, tokens in and out, first token and tokens per second, USD per million."""

    provider: str
    model: str
    share: float
    reads: int
    writes: int
    first_ms: int
    speed: int
    prices: tuple[float, float]


_KINDS: Final = (
    _Kind("openai", "gpt-4o-mini", 0.34, 900, 260, 330, 95, (0.15, 0.6)),
    _Kind("openai", "gpt-4o", 0.16, 1800, 420, 520, 70, (2.5, 10)),
    _Kind("anthropic", "claude-sonnet-5", 0.17, 2600, 640, 780, 62, (3, 15)),
    _Kind("anthropic", "claude-opus-5", 0.03, 4200, 900, 1400, 38, (5, 25)),
    _Kind("gemini", "gemini-2.5-pro", 0.08, 5200, 520, 900, 80, (1.25, 10)),
    _Kind("gemini", "gemini-3.5-flash-lite", 0.1, 1500, 210, 290, 160, (0.1, 0.4)),
    _Kind("mistral", "mistral-large-4", 0.06, 1300, 380, 460, 85, (0.5, 1.5)),
    _Kind("groq", "llama-3.1-8b-instant", 0.06, 700, 180, 110, 420, (0.05, 0.08)),
)
_PEOPLE: Final = (
    ("ann", "Ann Lindqvist", "research", ("use", "read", "manage")),
    ("bob", "Bob Achterberg", "support", ("use", "read")),
    ("chi", "Chi Okafor", "support", ("use", "read")),
    ("dee", "Dee Marchetti", "platform", ("use", "read", "manage", "admin")),
)
_TEAMS: Final = (("research", "Research"), ("support", "Support desk"), ("platform", "Platform"))
_TAGS: Final = (("search",), ("summaries",), ("agents", "nightly"), ())
_ERRORS: Final = ("rate_limit_exceeded", "overloaded", "timeout", "connection_failed")


@dataclass(frozen=True)
class House:
    """The gateway; `keys` are people's keys by their ids, as they were shown once.

    Providers whose names are put into `broken` are overloaded until they are taken out.
    """

    gateway: Process
    imitation: Imitation
    broken: set[str]
    keys: dict[str, str]
    admin_key: str | None

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.gateway.url


@contextmanager
def house(*, locked: bool = False, requests: int = 5000, extra: str = "", open_seconds: int = 4) -> Iterator[House]:
    """Serve it; behind an admin key where it is `locked`. `extra` are further settings.

    `open_seconds` is how long a breaker leaves a provider alone.
    """
    with tempfile.TemporaryDirectory() as folder, Imitation() as imitation:
        url = f"sqlite:///{folder}/wye.db"
        broken = _let_it_list_and_break(imitation)
        sections = [
            provider(name, imitation.mount(name, wire), f'api_keys = ["{KEY}"]') for name, wire in _WIRES.items()
        ]
        head = '[server]\nadmin_key = "env:WYE_ADMIN_KEY"\n' if locked else ""
        environ = {"WYE_SECRET_KEY": "a secret of the console's tests"}
        if locked:
            environ["WYE_ADMIN_KEY"] = ADMIN_KEY
        _elsewhere(_prepare, url)
        store = f'[store]\nurl = "{url}"\n'
        settings = "\n".join([head, store, *sections, f"{_SETTINGS}open_seconds = {open_seconds}\n", extra])
        with process(settings, **environ) as gateway:
            admin = {"authorization": f"Bearer {ADMIN_KEY}"} if locked else {}
            keys, ids = _people(gateway, admin)
            _elsewhere(_fill, url, ids, requests)
            _budgets(gateway, admin)
            yield House(gateway, imitation, broken, keys, ADMIN_KEY if locked else None)


def _let_it_list_and_break(imitation: Imitation) -> set[str]:
    """Let the providers tell which models they have; those whose names are put into what is returned are overloaded."""
    broken: set[str] = set()
    answer = imitation.upstream.handler
    assert answer is not None

    def reply(received: Received) -> Reply:
        name = received.path.split("/")[1]
        if name in broken:
            return Reply.json({"error": {"message": "The engine is overloaded, try again later"}}, 503)
        if received.method == "GET" and urlsplit(received.path).path.endswith("/models"):
            models = [kind.model for kind in _KINDS if kind.provider == name]
            return Reply.json({
                "data": [{"id": model, "object": "model", "type": "model"} for model in models],
                "models": [{"name": f"models/{model}"} for model in models],
                "has_more": False,
            })  # fmt: skip
        return answer(received)

    imitation.upstream.handler = reply
    return broken


def _post(gateway: Process, path: str, body: Json, headers: dict[str, str]) -> Json:
    answer = gateway.request("POST", path, json.dumps(body).encode(), headers)
    assert answer.status == 201, (path, answer.body)
    return answer.json


def _people(gateway: Process, admin: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Add teams, users and a key for each; return the keys and their ids by user."""
    for name, title in _TEAMS:
        _post(gateway, "/api/teams", {"id": name, "name": title}, admin)
    keys, ids = {}, {}
    for name, title, team, scopes in _PEOPLE:
        body = {"id": name, "name": title, "teamId": team, "email": f"{name}@example.com", "scopes": list(scopes)}
        _post(gateway, "/api/users", body, admin)
        made = _post(gateway, "/api/keys", {"name": f"{title}'s key", "userId": name, "scopes": list(scopes)}, admin)
        keys[name], ids[name] = made["key"], made["id"]
    return keys, ids


def _budgets(gateway: Process, admin: dict[str, str]) -> None:
    for body in (
        {"scope": "global", "name": "Everything", "amount": 60, "period": "month"},
        {"scope": "team", "target": "support", "name": "Support desk", "amount": 18, "period": "month"},
        {"scope": "user", "target": "ann", "name": "Ann", "amount": 6, "period": "week", "hard": False},
    ):
        _post(gateway, "/api/budgets", body, admin)


def _elsewhere(work: object, *arguments: object) -> None:
    """Run a coroutine function where no loop runs."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work(*arguments))).result()  # type: ignore[operator]


async def _prepare(url: str) -> None:
    database = Database(config_for(url))
    await upgrade(database)
    await database.aclose()


async def _fill(url: str, keys: dict[str, str], count: int) -> None:
    database = Database(config_for(url))
    records = month(time.time(), keys, count)
    for at in range(0, len(records), 200):
        await write(database, records[at : at + 200])
    await hold(database, LOCAL.user)
    await database.aclose()


def month(now: float, keys: dict[str, str], count: int, seed: int = 7) -> Sequence[UsageRecord]:
    """Return the records of 30 days before `now` (seconds since the epoch), the latest last; the same for a seed."""
    dice = random.Random(seed)
    made: list[UsageRecord] = []
    while len(made) < count:
        ago = dice.random() * 30 * 24 if len(made) % 8 else dice.random() ** 2 * 24
        clock = time.gmtime(now - ago * 3600)
        busy = 0.25 + 0.75 * math.exp(-(((clock.tm_hour + clock.tm_min / 60 - 14) / 5) ** 2))
        busy *= 0.35 if clock.tm_wday > 4 else 1
        if dice.random() < busy * (1 - ago / (30 * 24) * 0.35):
            made.append(_request(dice, now, ago, keys, len(made)))
    # In quiet hours too few would be asked of it for its trouble to be seen.
    mistral = next(kind for kind in _KINDS if kind.provider == "mistral")
    agos = [dice.uniform(0, _trouble(now)) for _ in range(count // 100)]
    made += [_request(dice, now, ago, keys, count + at, mistral) for at, ago in enumerate(agos)]
    return sorted(made, key=lambda record: record.at)


def _trouble(now: float) -> float:
    """Return since how many hours one provider has been failing: since the hour before this one began."""
    return now / 3600 % 1 + 1


def _request(
    dice: random.Random, now: float, ago: float, keys: dict[str, str], number: int, kind: _Kind | None = None
) -> UsageRecord:
    kind = kind or dice.choices(_KINDS, [one.share for one in _KINDS])[0]
    user, _, team, _ = dice.choices(_PEOPLE, (5, 3, 2, 2))[0]
    reads = round(dice.lognormvariate(math.log(kind.reads), 0.7))
    writes = round(dice.lognormvariate(math.log(kind.writes), 0.6))
    first = dice.lognormvariate(math.log(kind.first_ms), 0.35)
    in_trouble = kind.provider == "mistral" and ago < _trouble(now)
    record = used(
        id=f"req_{number:06x}{dice.getrandbits(40):010x}",
        at=round((now - ago * 3600) * 1e6),
        user=user,
        key=keys.get(user),
        team=team,
        conversation=f"con_{user}_{number % 60:02d}" if number % 3 else None,
        tags=_TAGS[number % len(_TAGS)],
        provider=kind.provider,
        model=kind.model,
        asked="auto" if number % 5 == 0 else f"{kind.provider}/{kind.model}",
        surface="anthropic_messages" if kind.provider == "anthropic" and number % 2 else "openai_chat",
        stream=number % 3 != 0,
        input_tokens=reads,
        output_tokens=writes,
        cache_read_tokens=reads // 2 if number % 4 == 0 else 0,
        cost=round((reads * kind.prices[0] + writes * kind.prices[1]) * 1e6),
        first_token=round(first * 1000),
        duration=round((first + writes / kind.speed * 1000) * 1000),
    )
    luck = dice.random()
    if luck < (0.6 if in_trouble else 0.012):
        return _failed(record, dice.choice(_ERRORS[1:3] if in_trouble else _ERRORS))
    if luck > 0.985:
        return _failed_over(record, dice)
    if 0.5 < luck < 0.51:
        return structs.replace(record, status="cancelled", error="client_left")
    return record


def _failed(record: UsageRecord, error: str) -> UsageRecord:
    record = structs.replace(
        record, status="error", error=error, cost=0, input_tokens=0, output_tokens=0, cache_read_tokens=0,
        first_token=None, tries=2,
    )  # fmt: skip
    half = record.duration // 2
    calls = (
        attempt(record, error=error, duration=half),
        attempt(record, error=error, at=record.at + half, duration=half),
    )
    return structs.replace(record, attempts=calls)


def _failed_over(record: UsageRecord, dice: random.Random) -> UsageRecord:
    """Return a request that went elsewhere after a call that failed."""
    lost = round(dice.uniform(0.4, 6) * 1e6)
    before = attempt(record, provider="groq", model="llama-3.1-8b-instant", error="overloaded", duration=lost)
    after = attempt(
        record, at=record.at + lost, first_token=record.first_token, cost=record.cost,
        input_tokens=record.input_tokens, output_tokens=record.output_tokens,
    )  # fmt: skip
    return structs.replace(
        record,
        attempts=(before, after),
        tries=2,
        duration=record.duration + lost,
        first_token=(record.first_token or 0) + lost,
    )


def main() -> None:
    """Serve it, and ask something every second, so that there is something to watch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--locked", action="store_true", help=f"behind the admin key {ADMIN_KEY}")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--url-file", type=Path, help="write the address into this file")
    said = parser.parse_args()
    with house(locked=said.locked, requests=said.requests) as built:
        print(f"{built.url}/console/", *(f"{name}: {key}" for name, key in built.keys.items()), sep="\n", flush=True)  # noqa: T201
        if said.url_file:
            said.url_file.write_text(built.url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
