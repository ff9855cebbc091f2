"""Every example request of the documents on these routes works, under both prefixes.

The JavaScript examples of the registry are translated: `recommendModel` is `POST models/recommend`,
`getAvailableModels` and `getProviderModels` are `GET models` with filters.
"""

import http.client

import pytest
from tests.gateway.api.conftest import PREFIXES, Api
from tests.support.gateway import PATIENCE, Json

pytestmark = pytest.mark.parametrize("prefix", PREFIXES)


def mean(model: Json) -> float:
    """Return what `maxCost` bounds."""
    cost = model["costPer1kTokens"]
    return float(cost["input"] + cost["output"]) / 2


def test_models_are_listed_with_what_they_cost_and_can_do(api: Api, prefix: str) -> None:
    told = api.get(f"{prefix}/models").json
    assert told["totalModels"] == len(told["models"]) >= 30
    assert 0 < told["availableModels"] == sum(model["available"] for model in told["models"]) < told["totalModels"]
    (gpt,) = [model for model in told["models"] if model["fullId"] == "openai/gpt-4o"]
    assert {name: gpt[name] for name in ("id", "providerId", "name", "available", "contextWindow")} == {
        "id": "gpt-4o",
        "providerId": "openai",
        "name": "GPT-4o",
        "available": True,
        "contextWindow": 128000,
    }
    assert {"text", "vision", "function-calling"} <= set(gpt["capabilities"])
    assert gpt["costPer1kTokens"] == {"input": 0.0025, "output": 0.01}
    assert (gpt["latencyTier"], gpt["qualityTier"]) == ("medium", "highest")


def test_models_of_one_provider_are_listed(api: Api, prefix: str) -> None:
    models = api.get(f"{prefix}/models?provider=openai").json["models"]
    assert {model["provider"] for model in models} == {"openai"}


def test_models_are_filtered_by_capability_and_cost(api: Api, prefix: str) -> None:
    models = api.get(f"{prefix}/models?capability=vision&maxCost=0.01").json["models"]
    assert models
    assert all("vision" in model["capabilities"] and mean(model) <= 0.01 for model in models)
    assert "openai/gpt-4o" in {model["fullId"] for model in models}


def test_vision_models_under_half_a_cent_are_found(api: Api, prefix: str) -> None:
    models = api.get(f"{prefix}/models?capability=vision&maxCost=0.005&available=true").json["models"]
    assert models
    assert all(model["available"] and mean(model) <= 0.005 for model in models)


def test_fast_models_with_large_windows_are_found(api: Api, prefix: str) -> None:
    models = api.get(f"{prefix}/models?latencyTier=fast&minContextWindow=100000").json["models"]
    assert models
    assert all(model["latencyTier"] == "fast" and model["contextWindow"] >= 100000 for model in models)


def test_the_available_models_of_a_provider_are_found(api: Api, prefix: str) -> None:
    models = api.get(f"{prefix}/models?provider=gemini&available=true").json["models"]
    assert "gemini-1.5-flash" in {model["id"] for model in models}
    assert api.get(f"{prefix}/models?provider=anthropic&available=true").json["models"] == []


def test_a_model_is_shown(api: Api, prefix: str) -> None:
    assert api.get(f"{prefix}/models/openai/gpt-4o").json["model"]["fullId"] == "openai/gpt-4o"


def test_a_models_name_may_hold_slashes(api: Api, prefix: str) -> None:
    for path in ("anthropic/claude-3.5-sonnet", "anthropic%2Fclaude-3.5-sonnet"):
        model = api.get(f"{prefix}/models/openrouter/{path}").json["model"]
        assert model["fullId"] == "openrouter/anthropic/claude-3.5-sonnet"


RECOMMENDED = [
    {"capabilities": ["text", "vision"], "maxCost": 0.01, "maxLatency": 5000, "preferOpenSource": False},
    {"capabilities": ["text", "vision"], "maxCost": 0.01, "maxLatency": 3000, "preferOpenSource": False},
    {"capabilities": ["text", "function-calling"], "maxCost": 0.005, "maxLatency": 5000, "preferOpenSource": False},
    {"capabilities": ["text", "function-calling"], "maxLatency": 3000, "minQuality": "high"},
    {"capabilities": ["text", "vision"], "maxCost": 0.01, "maxLatency": 5000},
    {"capabilities": ["text"], "minContextWindow": 500000, "minQuality": "highest"},
]


@pytest.mark.parametrize("asked", RECOMMENDED)
def test_a_model_is_recommended_that_keeps_every_bound(api: Api, prefix: str, asked: Json) -> None:
    told = api.post(f"{prefix}/models/recommend", asked).json
    best = told["recommendation"]
    assert best == told["recommendations"][0]
    assert best["available"]
    assert best["provider"] in {"openai", "gemini"}
    assert set(asked["capabilities"]) <= set(best["capabilities"])
    assert mean(best) <= asked.get("maxCost", 1)
    assert best["latencyTier"] in {"very-fast", "fast", *(["medium"] if asked.get("maxLatency", 5000) >= 5000 else [])}
    assert best["contextWindow"] >= asked.get("minContextWindow", 0)
    assert 0 <= best["score"] <= 1
    assert {"cost", "quality", "speed"} <= best["parts"].keys()
    assert best["reasons"]


def test_the_registry_is_refreshed_by_a_request_without_a_body(api: Api, prefix: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", api.gateway.port, timeout=PATIENCE)
    connection.request("POST", f"{prefix}/models/refresh")  # neither a body nor its type
    reply = connection.getresponse()
    assert reply.status == 200, reply.read()
    connection.close()
    told = api.post(f"{prefix}/models/refresh").json
    assert {one["provider"] for one in told["providers"]} == {"openai", "gemini"}
    assert {one["provider"]: one["ok"] for one in told["providers"]}["openai"]


def test_discovery_finds_models_that_were_not_known(api: Api, prefix: str) -> None:
    told = api.post(f"{prefix}/discover").json
    assert {one["provider"] for one in told["providers"]} == {"openai", "gemini"}
    found = api.get(f"{prefix}/models/openai/gpt-of-tomorrow").json["model"]
    assert found["available"]
    assert found["costPer1kTokens"] == {"input": None, "output": None}, "an unknown price is not zero"


def test_the_models_are_counted(api: Api, prefix: str) -> None:
    told = api.get(f"{prefix}/models/stats").json
    assert told["totalModels"] == sum(told["byProvider"].values()) == sum(told["byQualityTier"].values())
    assert 0 < told["healthyModels"] <= told["availableModels"] < told["totalModels"]
    assert told["byCapability"]["vision"] > 0


def test_the_status_tells_how_providers_are(api: Api, prefix: str) -> None:
    told = api.get(f"{prefix}/status").json
    gemini = told["providers"]["gemini"]
    assert (gemini["name"], gemini["available"], gemini["status"]) == ("Google Gemini", True, "connected")
    assert gemini["circuitBreaker"]["state"] == "CLOSED"
    assert gemini["circuitBreaker"]["failureCount"] == 0
    assert told["current"] in {"gemini", "openai"}
    assert told["fallbackOrder"][:2] == ["bedrock", "gemini"]
    assert told["providers"]["anthropic"]["status"] == "unconfigured"
    assert "ANTHROPIC_API_KEY" in told["providers"]["anthropic"]["needs"]


def test_another_provider_and_model_can_be_made_to_go_first(api: Api, prefix: str) -> None:
    told = api.post(f"{prefix}/switch", {"provider": "gemini", "model": "gemini-1.5-pro"}).json
    assert (told["current"], told["model"]) == ("gemini", "gemini-1.5-pro")
    told = api.post(f"{prefix}/switch", {"provider": "openai", "model": "gpt-4o"}).json
    assert told == {
        "current": "openai",
        "model": "gpt-4o",
        "previous": {"provider": "gemini", "model": "gemini-1.5-pro"},
        "kept": False,
    }
    assert api.get(f"{prefix}/status").json["current"] == "openai"
    answered = api.gateway.chat("auto")
    assert (answered.headers["x-wye-provider"], answered.headers["x-wye-model"]) == ("openai", "gpt-4o")
