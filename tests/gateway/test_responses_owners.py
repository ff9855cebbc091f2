"""What a provider keeps under the operator's key is named by nobody but whom it was told, and by admins."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.gateway.api.test_isolation import ADMIN_KEY, As, caller
from tests.gateway.test_responses import forgetful, response
from tests.support.databases import config_for, make
from tests.support.gateway import provider, serving
from tests.support.upstream import Reply, Upstream

from wye.core.sealed import Sealed, seal

SECRET = {"WYE_SECRET_KEY": "a secret for these tests"}
REFERENCES: list[dict[str, Any]] = [
    {"type": "item_reference", "id": "msg_resp_anns"},
    {"id": "msg_resp_anns"},
    {"type": "image_generation_call", "id": "msg_resp_anns"},
]


@pytest.fixture(scope="module")
def _upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def one(_upstream: Upstream) -> Upstream:
    forgetful(_upstream).reply_with(Reply.json(response("resp_anns")))
    return _upstream


@pytest.fixture(scope="module")
def admin(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[As]:
    file = tmp_path_factory.mktemp("responses") / "wye.db"
    make(f"sqlite:///{file}")
    settings = (
        f'[server]\nadmin_key = "{ADMIN_KEY}"\n[identity]\nprivate_endpoints = true\n'
        + provider("openai", _upstream.url, 'adapter = "openai_responses"', 'api_keys = ["sk-operator-0123456789"]')
        + "[retry]\nmax_retries = 0\n"
    )
    with serving(settings, environ=SECRET, store=config_for(f"sqlite:///{file}")) as running:
        yield As(running, ADMIN_KEY)


@pytest.fixture
def ann(admin: As, one: Upstream) -> As:
    ann = caller(admin, "ann")
    assert respond(ann).status == 200
    one.received.clear()
    return ann


@pytest.fixture
def bob(admin: As) -> As:
    return caller(admin, "bob")


def respond(who: As, given: Any = "hi", **members: Any) -> Any:
    return who("POST", "/v1/responses", {"model": "openai/gpt-4o-mini", "input": given, **members})


@pytest.mark.parametrize("reference", REFERENCES, ids=json.dumps)
def test_an_item_is_referred_to_by_whoever_was_told_it_alone(
    ann: As, bob: As, one: Upstream, reference: dict[str, Any]
) -> None:
    refused = respond(bob, [reference])
    assert (refused.status, refused.error["code"], refused.error["param"]) == (404, "item_not_found", "input")
    assert one.received == []
    assert respond(ann, [reference]).status == 200
    assert one.received[-1].json["input"] == [reference]


@pytest.mark.parametrize("conversation", ["conv_anns", {"id": "conv_anns"}])
def test_a_conversation_that_a_provider_keeps_is_named_by_admins_alone(
    admin: As, bob: As, one: Upstream, conversation: Any
) -> None:
    refused = respond(bob, conversation=conversation)
    assert (refused.status, refused.error["param"]) == (400, "conversation")
    assert "previous_response_id" in refused.error["message"]
    assert one.received == []
    assert respond(bob, conversation=None).status == 200
    assert respond(admin, conversation=conversation).status == 200
    assert one.received[-1].json["conversation"] == conversation


def test_whoever_brings_a_key_names_what_lies_at_the_own_account(bob: As, one: Upstream) -> None:
    bob("PUT", "/api/provider-keys/openai", {"apiKey": "sk-bobs-own-0123456789"})
    try:
        assert respond(bob, [REFERENCES[0]], conversation="conv_bobs", previous_response_id="resp_bobs").status == 200
    finally:
        bob("DELETE", "/api/provider-keys/openai")
    assert one.received[-1].headers["authorization"] == "Bearer sk-bobs-own-0123456789"
    assert one.received[-1].json["conversation"] == "conv_bobs"


@pytest.mark.parametrize("name", ["conversation", "previous_response_id"])
def test_no_other_wire_carries_such_a_name_along(bob: As, one: Upstream, name: str) -> None:
    asked = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], name: "resp_anns"}
    refused = bob("POST", "/v1/chat/completions", asked)
    assert (refused.status, refused.error["param"]) == (400, name)
    assert "/v1/responses" in refused.error["message"]
    assert one.received == []


def test_nor_does_a_client_that_packs_a_reference_as_we_would(bob: As, one: Upstream) -> None:
    forged = seal(Sealed(origin="openai_responses", opaque=json.dumps(REFERENCES[0]).encode()))  # type: ignore[arg-type]
    said = [{"type": "redacted_thinking", "data": forged}, {"type": "text", "text": "well"}]
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": said},
        {"role": "user", "content": "?"},
    ]
    bob("POST", "/v1/messages", {"model": "openai/gpt-4o-mini", "max_tokens": 10, "messages": turns})
    assert [item for item in one.received[-1].json["input"] if item.get("type") == "item_reference"] == []
    assert len(one.received[-1].json["input"]) == 3
