"""Reports of a month at many millions of requests: seeds a PostgreSQL of its own and times each of them."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.support.postgres import postgres_server

from wye import catalog
from wye.core.record import HOUR_US
from wye.core.secret import Secret
from wye.core.sketch import GROWTH
from wye.core.sums import SUMMED
from wye.insights import findings, metrics, usage
from wye.store import requests
from wye.store.config import StoreConfig
from wye.store.database import Database
from wye.store.reports import Filters, Reach, Span
from wye.store.requests import Sought
from wye.store.upgrade import upgrade

START: Final = 494_496
"""The first hour of June 2026."""
HOURS: Final = 30 * 24
MONTH: Final = Span(START, START + HOURS)
TARGET_SECONDS: Final = 1.0
_ALL: Final = Reach()
_NONE: Final = Filters()
_RUNS: Final = 3

Query: TypeAlias = Callable[[AsyncConnection], Awaitable[object]]

_EVENTS: Final = """
INSERT INTO usage_events (id, at, user_id, key_id, team_id, conversation_id, tags, operation, surface, asked, provider,
  model, stream, status, error, input_tokens, output_tokens, cost, duration, first_token, tries, cached, estimated)
SELECT 'req_' || lpad(to_hex(n), 14, '0'), at, 'user_' || key % 200, 'key_' || key, 'team_' || key % 20,
  CASE WHEN n % 10 < 3 THEN 'conv_' || n / 4000 * 400 + key END,
  jsonb_build_array('project_' || key % 50, 'env_' || key % 3), 'chat', 'openai_chat', 'auto',
  'provider_' || model % 8, 'model_' || model, n % 2 = 0,
  CASE WHEN n % 50 = 0 THEN 'error' ELSE 'ok' END, CASE WHEN n % 50 = 0 THEN 'overloaded' END,
  500 + n % 1000, 100 + n % 500, CASE WHEN n % 100 = 7 THEN NULL ELSE 1000000 * (n % 1000) END,
  took, CASE WHEN n % 2 = 0 THEN took / 5 END, 1, false, false
FROM (
  SELECT n, {start} * {hour_us} + n * ({span_us} / {rows}) AS at, key,
    (key * (7 + 3 * ((n / 400) % 3))) % 24 AS model, (300000 * exp(3 * random()))::bigint AS took
  FROM (SELECT n, (n * 7919) % 400 AS key FROM generate_series({first}, {last}::bigint) AS n) AS one
) AS two
"""
_CALLS: Final = """
INSERT INTO attempts (usage_id, position, at, user_id, team_id, provider, model, duration, error, cancelled, estimated)
SELECT id, 0, at, user_id, team_id, provider, model, duration, error, false, false
FROM usage_events WHERE status = 'error'
"""
_SUMS: Final = {
    "requests": "count(*)",
    "errors": "sum((status = 'error')::int)",
    "cancelled": "0",
    "lost": "0",
    "cached": "0",
    "streams": "sum(stream::int)",
    "failures": "sum((status = 'error')::int)",
    "retries": "0",
    "failovers": "0",
    "unknown_costs": "sum((cost IS NULL)::int)",
    "estimated_costs": "0",
    "answered": "sum((status = 'ok')::int)",
    "duration": "sum(CASE WHEN status = 'ok' THEN duration ELSE 0 END)",
    "first_tokens": "count(first_token)",
}
_PLACE: Final = "hour, user_id, key_id, team_id, provider, model"


def _rolled_up() -> Iterator[str]:
    sums = ", ".join(_SUMS.get(name, f"coalesce(sum({name}), 0)") for name in SUMMED)
    names = ", ".join(SUMMED)
    events = f"(SELECT *, at / {HOUR_US} AS hour FROM usage_events) AS events"  # noqa: S608 - our own names
    yield f"INSERT INTO usage_hours ({_PLACE}, {names}) SELECT {_PLACE}, {sums} FROM {events} GROUP BY {_PLACE}"  # noqa: S608
    yield (
        f"INSERT INTO tag_hours (tag, {_PLACE}, {names}) SELECT tag, {_PLACE}, {sums} "  # noqa: S608 - our own names
        f"FROM {events}, jsonb_array_elements_text(tags) AS tag GROUP BY tag, {_PLACE}"
    )
    yield (
        f"INSERT INTO conversation_hours (conversation_id, {_PLACE}, {names}) "  # noqa: S608 - our own names
        f"SELECT conversation_id, {_PLACE}, {sums} FROM {events} WHERE conversation_id IS NOT NULL "
        f"GROUP BY conversation_id, {_PLACE}"
    )
    for kind, column in (("total", "duration"), ("first_token", "first_token")):
        yield (
            f"INSERT INTO latency_buckets (hour, provider, model, kind, bucket, count) "  # noqa: S608 - our own names
            f"SELECT hour, provider, model, '{kind}', ceil(ln({column}) / ln({GROWTH})) AS bucket, count(*) "
            f"FROM {events} WHERE status = 'ok' AND {column} IS NOT NULL GROUP BY hour, provider, model, bucket"
        )


@contextmanager
def _database(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    with postgres_server() as server:
        for name, value in (("shared_buffers", "1GB"), ("work_mem", "64MB"), ("max_wal_size", "8GB")):
            server.psql(f"ALTER SYSTEM SET {name} = '{value}'")
        server.stop()
        server.start()
        server.psql("CREATE DATABASE reports")
        yield server.url("reports")


def run(rows: int, url: str | None = None) -> bool:
    """Seed `rows` requests over 30 days, print how long each report of them takes, tell whether all are in time.

    Without `url` it is a server of its own, with 1 GB of shared buffers.
    """
    console = Console()
    with _database(url) as where:
        times = asyncio.run(_run(where, rows, console))
    table = Table("report of 30 days", "median", "slowest", title=f"{rows:,} requests", title_justify="left")
    for name, (median, slowest) in times.items():
        table.add_row(name, f"{median * 1000:,.0f} ms", f"{slowest * 1000:,.0f} ms")
    console.print(table)
    return max(slowest for _, slowest in times.values()) < TARGET_SECONDS


async def _run(url: str, rows: int, console: Console) -> dict[str, tuple[float, float]]:
    database = Database(StoreConfig(url=Secret(url), timeout=3600, connect_timeout=10))
    try:
        await upgrade(database)
        await _seed(database, rows, console)
        return {name: await _timed(database, query) for name, query in _queries().items()}
    finally:
        await database.aclose()


async def _seed(database: Database, rows: int, console: Console) -> None:
    began = time.perf_counter()
    async with database.read() as connection:
        if (await connection.exec_driver_sql("SELECT 1 FROM usage_events LIMIT 1")).scalar() is not None:
            console.print("seeded before")
            return
    async with database.begin() as connection:
        bounds = f"FROM ({START * HOUR_US}) TO ({(START + HOURS) * HOUR_US})"
        await connection.exec_driver_sql(
            f"CREATE TABLE usage_events_2026_06 PARTITION OF usage_events FOR VALUES {bounds}"
        )
    step = 1_000_000
    for first in range(0, rows, step):
        values = {
            "start": START, "hour_us": HOUR_US, "span_us": HOURS * HOUR_US, "rows": rows, "first": first,
            "last": min(first + step, rows) - 1,
        }  # fmt: skip
        async with database.begin() as connection:
            await connection.exec_driver_sql(_EVENTS.format(**values))
        console.print(f"{min(first + step, rows):,} requests after {time.perf_counter() - began:.0f} s")
    for statement in (_CALLS, *_rolled_up()):
        async with database.begin() as connection:
            await connection.exec_driver_sql(statement)
    async with database.read() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql("VACUUM ANALYZE")
        for table in ("usage_hours", "tag_hours", "conversation_hours", "latency_buckets", "attempts"):
            count = (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar()  # noqa: S608
            console.print(f"{table}: {count:,} rows")
    console.print(f"seeded in {time.perf_counter() - began:.0f} s")


def _queries() -> dict[str, Query]:
    found: dict[str, Query] = {"all": lambda connection: usage.report(connection, _ALL, MONTH, _NONE)}
    for by in ("model", "provider", "user", "key", "team", "conversation", "tag"):
        found[f"by {by}"] = lambda connection, by=by: usage.report(connection, _ALL, MONTH, _NONE, by=by)  # type: ignore[misc]
    found["by model, per day, beside the month before"] = lambda connection: usage.report(
        connection, _ALL, MONTH, _NONE, by="model", step="day", compare=True
    )
    found["by user, per day"] = lambda connection: usage.report(connection, _ALL, MONTH, _NONE, by="user", step="day")
    one_user = Reach(user="user_7")
    found["one user's, by model, per day"] = lambda connection: usage.report(
        connection, one_user, MONTH, _NONE, by="model", step="day"
    )
    found["one tag's, by model"] = lambda connection: usage.report(
        connection, _ALL, MONTH, Filters(tag="project_7"), by="model"
    )
    found["one conversation's, by model"] = lambda connection: usage.report(
        connection, _ALL, MONTH, Filters(conversation="conv_30001"), by="model"
    )
    found["models beside each other, with percentiles"] = lambda connection: usage.models(
        connection, _ALL, MONTH, _NONE
    )
    found["metrics of 30 days, with percentiles"] = lambda connection: metrics.current(connection, _ALL, MONTH)
    found["history of 30 days by the hour"] = lambda connection: metrics.history(connection, _ALL, MONTH)
    rows = catalog.load().models
    now = MONTH.end * HOUR_US - 1
    found["alerts and recommendations"] = lambda connection: findings.find(connection, _ALL, now, rows)
    found["a page of requests"] = lambda connection: requests.page(connection, _ALL, MONTH, _NONE, Sought())
    for name, filters in (
        ("one key's", Filters(key="key_7")),
        ("one tag's", Filters(tag="project_7")),
        ("nobody's", Filters(user="nobody")),
    ):
        found[f"a page of requests, {name}"] = lambda connection, filters=filters: requests.page(  # type: ignore[misc]
            connection, _ALL, MONTH, filters, Sought()
        )
    return found


async def _timed(database: Database, query: Query) -> tuple[float, float]:
    times = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        async with database.read() as connection:
            await query(connection)
        times.append(time.perf_counter() - began)
    return statistics.median(times), max(times)
