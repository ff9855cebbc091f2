"""Trying a provider out names what is wrong, whatever it is, and what to mend; at most it costs one tiny answer."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from tests.gateway.api.conftest import OPENAI_KEY, everything
from tests.support.gateway import Json, serving
from tests.support.openai_wire import answer
from tests.support.upstream import Received, Reply, Upstream

Handler: TypeAlias = Callable[[Received], Reply]
TEST = "/api/llm-providers/test"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.handler = everything
        yield running


def refusal(status: int, **error: Any) -> Handler:
    return lambda _: Reply.json({"error": {"message": "no", **error}}, status=status)


def html(status: int) -> Handler:
    page = b"<!doctype html><title>nginx</title>"
    return lambda _: Reply.raw(page, "text/html", status=status)


def lists_and_refuses(request: Received) -> Reply:
    """Answer the list of models, and know none of them."""
    if request.method == "GET":
        return everything(request)
    return Reply.json({"error": {"message": "no such model", "code": "model_not_found"}}, status=404)


def tried(url: str, *, private: bool = True, more: str = "", **form: Any) -> Json:
    """Return what trying out OpenAI at `url` says."""
    settings = f'[providers.openai]\nbase_url = "{url}"\napi_keys = ["{OPENAI_KEY}"]\n{more}'
    settings += f"\nallow_private_network = {str(private).lower()}\n"
    with serving(settings) as gateway:
        told = gateway.request("POST", TEST, json.dumps({"provider": "openai", **form}).encode())
        assert told.status == 200, told.body
        assert OPENAI_KEY not in told.body.decode()
        return told.json


@pytest.mark.parametrize(
    ("handler", "code", "advice"),
    [
        (refusal(401), "provider_authentication_failed", "check the key"),
        (refusal(403), "provider_permission_denied", "check its scopes at the provider"),
        (refusal(429), "rate_limit_exceeded", "the key works; wait a moment"),
        (refusal(429, code="insufficient_quota", type="insufficient_quota"), "insufficient_quota", "check its billing"),
        (refusal(500), "upstream_error", "the provider's status page"),
        (html(200), "malformed_response", "does not speak this wire format"),
        (lambda _: Reply.reset(), "connection_failed", "that the server runs"),
    ],
    ids=["wrong key", "no scope", "too often", "no credit", "broken", "a web page", "hangs up"],
)
def test_each_failure_says_what_to_mend(upstream: Upstream, handler: Handler, code: str, advice: str) -> None:
    upstream.handler = handler
    told = tried(upstream.url, complete=True)
    (step,) = told["steps"]
    assert (told["ok"], step["ok"], step["code"]) == (False, False, code), step
    assert advice in step["told"]
    assert step["seconds"] < 10


def test_a_path_that_is_not_there_points_to_the_base_url(upstream: Upstream) -> None:
    upstream.handler = html(404)
    (step, *_) = tried(upstream.url)["steps"]
    assert step["ok"] is False
    assert "check base_url" in step["told"]


def test_nobody_listening_is_told_apart_from_no_such_name_and_from_silence(upstream: Upstream) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = tried(f"http://127.0.0.1:{unused.getsockname()[1]}")["steps"][0]
    assert nobody["code"] == "connection_failed"
    assert "that the server runs" in nobody["told"]
    name = tried("http://nothing-here.invalid/v1")["steps"][0]
    assert name["code"] == "connection_failed"
    assert "check base_url" in name["told"]
    tls = tried(upstream.url.replace("http://", "https://"))["steps"][0]
    assert (tls["ok"], tls["code"]) == (False, "connection_failed")


def test_a_private_address_that_is_not_allowed_says_how_to_allow_it(upstream: Upstream) -> None:
    step = tried(upstream.url, private=False)["steps"][0]
    assert step["code"] == "address_refused"
    assert "allow_private_network = true" in step["told"]
    assert not upstream.received


def test_a_model_that_is_not_there_is_found_by_asking_it(upstream: Upstream) -> None:
    upstream.handler = lists_and_refuses
    told = tried(upstream.url, model="gpt-4o")
    listed, asked = told["steps"]
    assert (listed["step"], listed["ok"]) == ("models", True)
    assert (asked["step"], asked["ok"], asked["code"]) == ("answer", False, "model_not_found")
    assert "wye models refresh" in asked["told"]
    assert told["ok"] is False


def test_one_that_works_tells_its_models_and_how_long_it_took(upstream: Upstream) -> None:
    told = tried(upstream.url, complete=True)
    assert (told["ok"], [step["step"] for step in told["steps"]]) == (True, ["models", "answer"])
    assert told["steps"][0]["told"].startswith("3 models")
    assert all(step["seconds"] >= 0 for step in told["steps"])
    posts = [request for request in upstream.received if request.method == "POST"]
    assert len(posts) == 1


def test_only_the_list_is_asked_for_where_nothing_more_is_wanted(upstream: Upstream) -> None:
    upstream.handler = lambda request: everything(request) if request.method == "GET" else answer()
    assert [step["step"] for step in tried(upstream.url)["steps"]] == ["models"]
    assert [request.method for request in upstream.received] == ["GET"]
