"""Each refusal of the error table becomes its one class, with its code, flags and wait, whoever said it."""

import pytest
from tests.support.error_table import ADVICE, HINTS, KINDS, NEEDED, ROWS, Row

from wye import adapters, catalog
from wye.adapters import load

PROVIDERS = catalog.load().providers
SPOKEN = adapters.built_in()
OURS = [row for row in ROWS if (PROVIDERS[row.whom].adapter if row.whom in PROVIDERS else row.whom) in SPOKEN]


def wire_of(row: Row) -> str:
    """Return the wire format that reads a row; a provider of the same name as a wire speaks it."""
    return PROVIDERS[row.whom].adapter if row.whom in PROVIDERS else row.whom


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.id)
def test_a_refusal_becomes_its_one_error(row: Row) -> None:
    error = load(wire_of(row)).parse_error(row.status, row.headers, row.encoded)
    expected = KINDS[row.kind]
    assert type(error) is expected, f"{type(error).__name__}: {error.message}"
    assert (error.code, error.status_code, error.retryable, error.fails_over) == ADVICE[expected]
    assert error.upstream_status == row.status
    assert error.retry_after == (None if row.retry_after is None else pytest.approx(row.retry_after, rel=0.2))


@pytest.mark.parametrize(
    ("headers", "seconds"), HINTS, ids=lambda value: "+".join(value) if isinstance(value, dict) else ""
)
@pytest.mark.parametrize("wire", sorted(SPOKEN))
def test_every_wire_reads_every_hint_in_headers(wire: str, headers: dict[str, str], seconds: float) -> None:
    row = next(row for row in ROWS if row.whom == wire and row.kind == "rate limit")
    error = load(wire).parse_error(row.status, {**row.headers, **headers}, row.encoded)
    assert error.retry_after == pytest.approx(seconds if row.retry_after is None else error.retry_after, rel=0.2)


@pytest.mark.parametrize("name", sorted(name for name, row in PROVIDERS.items() if row.adapter in SPOKEN))
def test_the_table_holds_every_kind_for_every_provider(name: str) -> None:
    kinds = {row.kind for row in ROWS if row.whom in {name, PROVIDERS[name].adapter}}
    assert kinds >= NEEDED


def test_every_row_is_of_a_provider_or_a_wire() -> None:
    known = PROVIDERS.keys() | {provider.adapter for provider in PROVIDERS.values()} | SPOKEN
    assert {row.whom for row in ROWS} <= known | {"openai_responses"}


def test_an_error_of_one_class_always_gives_the_same_advice() -> None:
    for kind in KINDS.values():
        error = kind("x")
        assert (error.code, error.status_code, error.retryable, error.fails_over) == ADVICE[kind]
