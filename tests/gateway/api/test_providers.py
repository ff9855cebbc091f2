"""What a provider's failures look like in its status; what trying one out tells; what a switch keeps."""

import json

from tests.gateway.api.conftest import GEMINI_KEY, OPENAI_KEY, Api, everything
from tests.support.gateway import Running, provider, serving
from tests.support.openai_wire import refusal
from tests.support.upstream import Reply, Upstream

PREFIX = "/api/llm-providers"
BREAKER = "[breaker]\nfailure_threshold = 5\n[retry]\nmax_retries = 0\n"


def test_a_provider_that_fails_again_and_again_is_unavailable_and_its_breaker_open() -> None:
    with Upstream() as upstream, serving(provider("up", upstream.url) + BREAKER) as gateway:
        upstream.handler = lambda _: refusal(500, "broken")
        for _ in range(5):
            gateway.chat("up/model")
        told = gateway.get(f"{PREFIX}/status").json["providers"]["up"]
        assert (told["status"], told["available"]) == ("unavailable", False)
        assert "OPEN" in {told["circuitBreaker"]["state"], told["asked"]["up/model"]["circuitBreaker"]["state"]}
        assert told["lastError"]["code"] == "upstream_error"
        assert told["requests"] == 5


def test_a_refused_key_is_shown_as_refused_and_masked() -> None:
    with Upstream() as upstream:
        settings = provider("up", upstream.url, f'api_keys = ["{OPENAI_KEY}"]')
        with serving(settings + BREAKER) as gateway:
            upstream.handler = lambda _: refusal(401, "who?")
            gateway.chat("up/model")
            told = gateway.get(f"{PREFIX}/status")
            (key,) = told.json["providers"]["up"]["keys"]
            assert (key["key"], key["status"]) == ("sk-open…ghij", "refused")
            assert OPENAI_KEY.encode() not in told.body


def test_a_provider_that_works_is_said_to(api: Api, openai: Upstream) -> None:
    for path in (f"{PREFIX}/test", "/api/models/test"):
        told = api.post(path, {"provider": "openai", "complete": True}).json
        assert told["ok"]
        assert [(step["step"], step["ok"]) for step in told["steps"]] == [("models", True), ("answer", True)]
    assert api.post(f"{PREFIX}/test", {"provider": "openai"}).json["steps"][0]["step"] == "models"
    assert [request.method for request in openai.received] == ["GET", "POST", "GET", "POST", "GET"]


def test_a_model_is_tried_with_an_answer(api: Api, openai: Upstream) -> None:
    told = api.post("/api/models/test", {"model": "gpt-4o-mini"}).json
    assert (told["provider"], told["ok"]) == ("openai", True)
    assert openai.received[-1].json["model"] == "gpt-4o-mini"


def test_what_to_mend_is_told_where_a_provider_fails(api: Api, openai: Upstream) -> None:
    openai.handler = lambda _: refusal(401, "bad key")
    told = api.post(f"{PREFIX}/test", {"provider": "openai", "complete": True}).json
    assert (told["ok"], told["steps"][0]["code"]) == (False, "provider_authentication_failed")
    assert "check the key" in told["steps"][0]["told"]
    assert len(told["steps"]) == 1


def test_a_provider_that_is_away_changes_nothing_of_what_is_known(api: Api, openai: Upstream) -> None:
    before = api.get("/api/models/stats").json["byProvider"]["openai"]
    openai.handler = lambda _: Reply.reset()
    told = api.post(f"{PREFIX}/models/refresh", {"providers": ["openai"]}).json
    (report,) = told["providers"]
    assert (report["ok"], report["error"]["code"]) == (False, "connection_failed")
    assert api.get("/api/models/stats").json["byProvider"]["openai"] == before


def switched(gateway: Running, **form: str) -> None:
    """Let something else go first."""
    body = json.dumps(form).encode()
    answer = gateway.request("POST", f"{PREFIX}/switch", body)
    assert answer.status == 200, answer.body


def test_a_switch_outlives_a_refresh_and_another_switch_replaces_it() -> None:
    with Upstream() as upstream:
        upstream.handler = everything
        settings = provider("openai", upstream.url, f'api_keys = ["{OPENAI_KEY}"]')
        settings += provider("gemini", upstream.url, f'api_keys = ["{GEMINI_KEY}"]')
        with serving(settings + '[routing]\ndefault_models = { google = "gemini-1.5-flash" }\n') as gateway:
            switched(gateway, provider="openai", model="gpt-4o-mini")
            gateway.request("POST", f"{PREFIX}/discover", b"{}")
            assert gateway.chat("auto").headers["x-wye-model"] == "gpt-4o-mini"
            switched(gateway, provider="openai")
            told = gateway.get(f"{PREFIX}/status").json
            assert (told["current"], told["currentModel"]) == ("openai", "gpt-4o-mini")
            switched(gateway, provider="google", model="gemini-1.5-pro")
            told = gateway.get(f"{PREFIX}/status").json
            assert (told["current"], told["currentModel"]) == ("gemini", "gemini-1.5-pro")


def test_nothing_is_switched_to_what_is_not_there(api: Api) -> None:
    before = api.get(f"{PREFIX}/status").json["current"]
    refused = api.post(f"{PREFIX}/switch", {"provider": "anthropic"})
    assert (refused.status, refused.error["code"]) == (400, "provider_not_configured")
    assert "ANTHROPIC_API_KEY" in refused.error["message"]
    assert api.post(f"{PREFIX}/switch", {"provider": "openai", "model": "no-such"}).error["code"] == "model_not_found"
    assert api.get(f"{PREFIX}/status").json["current"] == before


def test_the_plan_is_explained_with_scores_and_drops(api: Api) -> None:
    asked = {"prompt": "Hi", "model": "auto:quality", "context": {"providers": ["openai"]}}
    told = api.post(f"{PREFIX}/explain", asked).json
    assert told["strategy"] == "quality"
    assert told["attempts"][0]["score"] == max(one["score"] for one in told["candidates"])
    assert {"cost", "quality", "speed"} <= told["candidates"][0]["parts"].keys()
    assert {one["code"] for one in told["dropped"]} >= {"not_configured"}
    answered = api.post("/api/models/generate", asked).json
    best = told["attempts"][0]
    assert (answered["provider"], answered["model"]) == (best["provider"], best["model"])


def test_providers_are_listed_with_those_in_use_first(api: Api) -> None:
    told = api.get("/api/models/providers").json
    available = [one["available"] for one in told["providers"]]
    assert available == sorted(available, reverse=True)
    assert told["availableProviders"] == sum(available) >= 3
    assert told["totalProviders"] == len(available)
