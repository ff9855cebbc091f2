"""What the documents give as figures, defaults and tables holds here."""

from decimal import Decimal

import pytest
from sqlalchemy import text

from wye import catalog
from wye.core.usage import Usage
from wye.health.config import BreakerConfig
from wye.ledger.price import cost
from wye.store.database import Database


def test_the_breaker_is_as_the_registry_guide_has_it() -> None:
    """model-registry-guide.md, "Circuit Breaker Pattern"."""
    breaker = BreakerConfig()
    assert (breaker.failure_threshold, breaker.latency_threshold_ms) == (5, 2000)
    assert (breaker.open_seconds, breaker.half_open_max_requests) == (60, 3)


def test_the_example_of_a_cost_comes_to_the_same() -> None:
    """providers-and-models-overview.md, "Cost Calculation": 1000 tokens in, 500 out, $0.00045."""
    row = catalog.load().models["openai/gpt-4o-mini"]
    assert cost(row.price, Usage(input_tokens=1000, output_tokens=500)) == Decimal("0.00045")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT preferred_llm_provider, enabled_providers FROM user_preferences WHERE user_id = 'user123'",
        "SELECT id, user_id, name, provider, model_id, base_url, api_key, is_enabled, config FROM llm_models",
    ],
)
async def test_the_documents_queries_run(database: Database, query: str) -> None:
    """model-registry-guide.md, "PostgreSQL User Preferences"; providers-and-models-overview.md, "llm_models"."""
    async with database.read() as connection:
        assert (await connection.execute(text(query))).all() == []
