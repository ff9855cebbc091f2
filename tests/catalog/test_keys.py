"""A key's looks tell what is wrong with it, before anybody is asked and without repeating it."""

import pytest

from wye.catalog import load
from wye.catalog.keys import problem_with
from wye.catalog.schema import Provider

ROWS = load().providers
BODY = "CANARY0123456789abcdef"


def problem(key: str, provider: str, *, own_host: bool = True) -> str | None:
    found = problem_with(key, ROWS[provider], ROWS.values(), own_host=own_host)
    assert found is None or "CANARY" not in found
    return found


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.key_prefix], ids=lambda row: row.id)
def test_every_documented_prefix_is_right_and_another_is_named_with_what_was_expected(row: Provider) -> None:
    for prefix in row.key_prefix:
        assert problem(prefix + BODY, row.id) is None
        assert problem(BODY, row.id) == f"is no key of {row.name}, which begins with " + " or ".join(
            repr(each) for each in row.key_prefix
        )


@pytest.mark.parametrize("row", [row for row in ROWS.values() if not row.key_prefix], ids=lambda row: row.id)
def test_where_no_prefix_is_documented_any_will_do(row: Provider) -> None:
    assert problem(BODY, row.id) is None


@pytest.mark.parametrize(
    ("key", "provider", "looks"),
    [("sk-ant-", "openai", "Anthropic"), ("sk-or-", "openai", "OpenRouter"), ("gsk_", "grok4", "Groq"),
     ("xai-", "groq", "xAI Grok"), ("pplx-", "deepseek", "Perplexity")],
)  # fmt: skip
def test_a_key_in_the_wrong_place_is_recognised(key: str, provider: str, looks: str) -> None:
    found = problem(key + BODY, provider)
    assert found is not None
    assert found.endswith(f"; it looks like one of {looks}")


def test_a_beginning_that_several_share_names_nobody() -> None:
    found = problem(f"sk-{BODY}", "anthropic")
    assert found is not None
    assert "looks like" not in found


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (f'"sk-{BODY}"', "quotes"),
        (f"'sk-{BODY}", "quotes"),
        (f"sk-{BODY}\u201d", "quotes"),
        (f"sk-{BODY}\nsk-{BODY}", "line break"),
        (f"sk-{BODY} # mine", "space"),
        (f"Bearer sk-{BODY}", "Bearer"),
        (f"sk-{BODY}\u200b", "character"),
    ],
)
@pytest.mark.parametrize("own_host", [True, False])
def test_what_no_key_of_anybody_has_is_named(key: str, words: str, *, own_host: bool) -> None:
    found = problem(key, "openai", own_host=own_host)
    assert found is not None
    assert words in found


def test_another_host_takes_keys_of_its_own() -> None:
    assert problem(BODY, "openai", own_host=False) is None
