"""What is kept behind `/v1/responses`: by the provider where it does, and by the gateway everywhere else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.gateway import Answer, Running, provider, serving
from tests.support.openai_wire import answer as chat_answer
from tests.support.upstream import Reply, Upstream


def response(name: str, text: str = "hello", *, store: bool | None = True, status: str = "completed") -> Any:
    said = {
        "type": "message",
        "id": f"msg_{name}",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
    thought = {"type": "reasoning", "id": f"rs_{name}", "summary": []}
    return {
        "id": name,
        "object": "response",
        "created_at": 1,
        "model": "theirs",
        "status": status,
        "store": store,
        "output": [thought, said] if status == "completed" else [],
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }


@pytest.fixture(scope="module")
def _upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as first, Upstream() as second:
        yield first, second


@pytest.fixture(scope="module")
def house(_upstreams: tuple[Upstream, Upstream]) -> Iterator[Running]:
    """Serve two providers of the wire, one of which also speaks chat, and one of chat alone."""
    first, second = _upstreams
    sections = [
        provider("one", first.url, 'adapter = "openai_responses"'),
        provider("two", second.url, 'adapter = "openai_chat"', 'also_speaks = ["openai_responses"]'),
        provider("chat", second.url),
        '[aliases]\neither = ["two/model", "one/model"]\n',
    ]
    with serving("\n".join(sections)) as running:
        yield running


@pytest.fixture
def one(_upstreams: tuple[Upstream, Upstream]) -> Upstream:
    return forgetful(_upstreams[0])


@pytest.fixture
def two(_upstreams: tuple[Upstream, Upstream]) -> Upstream:
    return forgetful(_upstreams[1])


def forgetful(upstream: Upstream) -> Upstream:
    upstream.received.clear()
    upstream.handler = None
    return upstream


def ask(house: Running, model: str, given: Any = "hi", path: str = "/v1/responses", **members: Any) -> Answer:
    return house.request("POST", path, json.dumps({"model": model, "input": given, **members}).encode())


def test_the_same_wire_keeps_its_bytes_but_for_the_models_name(house: Running, one: Upstream) -> None:
    body = json.dumps(response("resp_bytes"), indent=1).encode()
    one.reply_with(Reply.raw(body, "application/json"))
    answer = ask(house, "one/model", unheard_of=[1])
    assert answer.body == body.replace(b'"theirs"', b'"one/model"')
    (received,) = one.received
    assert received.path == "/responses"
    assert received.json == {"model": "model", "input": "hi", "unheard_of": [1]}


def test_a_provider_that_speaks_it_too_is_spoken_to_in_it(house: Running, two: Upstream) -> None:
    two.reply_with(Reply.json(response("resp_two")))
    assert ask(house, "two/model").json["id"] == "resp_two"
    assert two.received[-1].path == "/responses"
    two.reply_with(chat_answer("chat"))
    assert house.chat("two/model").json["choices"][0]["message"]["content"] == "chat"
    assert two.received[-1].path == "/chat/completions"


def test_a_provider_that_keeps_an_answer_is_the_one_to_go_on_from_it(
    house: Running, one: Upstream, two: Upstream
) -> None:
    one.reply_with(Reply.json(response("resp_kept")))
    ask(house, "one/model")
    one.reply_with(Reply.json(response("resp_next")))
    answer = ask(house, "either", "more", previous_response_id="resp_kept")
    assert answer.headers["x-wye-provider"] == "one"
    assert one.received[-1].json == {"model": "model", "input": "more", "previous_response_id": "resp_kept"}
    assert not two.received


def test_another_provider_gets_the_whole_conversation_without_what_only_its_keeper_could_read(
    house: Running, one: Upstream, two: Upstream
) -> None:
    one.reply_with(Reply.json(response("resp_moved", "kept words")))
    ask(house, "one/model")
    two.reply_with(Reply.json(response("resp_there")))
    ask(house, "two/model", "more", previous_response_id="resp_moved")
    sent = two.received[-1].json
    assert sent["previous_response_id"] is None
    assert [item.get("type", "message") for item in sent["input"]] == ["message", "message", "message"]
    assert sent["input"][1]["content"][0]["text"] == "kept words"
    two.reply_with(chat_answer("said"))
    ask(house, "chat/model", "more", previous_response_id="resp_moved")
    assert [message["role"] for message in two.received[-1].json["messages"]] == ["user", "assistant", "user"]


def test_a_provider_of_the_wire_that_keeps_nothing_gets_the_whole_conversation(house: Running, one: Upstream) -> None:
    one.reply_with(Reply.json(response("gen-1", store=False)))
    ask(house, "one/model")
    one.reply_with(Reply.json(response("gen-2", store=False)))
    ask(house, "one/model", "more", previous_response_id="gen-1")
    kinds = [item.get("type", "message") for item in one.received[-1].json["input"]]
    assert kinds == ["message", "reasoning", "message", "message"]


def test_an_id_nobody_here_knows_is_the_providers_affair_or_an_error(house: Running, one: Upstream) -> None:
    one.reply_with(Reply.json(response("resp_a")))
    ask(house, "one/model", previous_response_id="resp_of_old")
    assert one.received[-1].json["previous_response_id"] == "resp_of_old"
    refused = ask(house, "chat/model", previous_response_id="resp_of_old")
    assert (refused.status, refused.error["code"]) == (400, "previous_response_not_found")


def test_references_to_what_the_provider_keeps_stay_references(house: Running, one: Upstream, two: Upstream) -> None:
    one.reply_with(Reply.json(response("resp_ref", "kept words")))
    ask(house, "one/model")
    items = [{"type": "item_reference", "id": "msg_resp_ref"}, {"role": "user", "content": "more"}]
    one.reply_with(Reply.json(response("resp_ref2")))
    ask(house, "either", items)
    assert one.received[-1].json["input"] == items
    two.reply_with(chat_answer())
    ask(house, "chat/model", items)
    assert two.received[-1].json["messages"][0] == {"role": "assistant", "content": "kept words"}


def test_an_answer_in_the_background_is_asked_for_until_it_is_there(house: Running, one: Upstream) -> None:
    one.reply_with(Reply.json(response("resp_slow", status="queued")))
    assert ask(house, "one/model", background=True).json["status"] == "queued"
    one.reply_with(Reply.json(response("resp_slow")))
    assert house.get("/v1/responses/resp_slow").json["status"] == "completed"
    assert one.received[-1].path == "/responses/resp_slow"
    asked = len(one.received)
    assert house.get("/v1/responses/resp_slow").json["output"][1]["content"][0]["text"] == "hello"
    assert len(one.received) == asked


def test_what_the_provider_keeps_is_not_deleted_behind_its_back(house: Running, one: Upstream) -> None:
    one.reply_with(Reply.json(response("resp_theirs")))
    ask(house, "one/model")
    refused = house.request("DELETE", "/v1/responses/resp_theirs")
    assert (refused.status, refused.error["code"]) == (400, "unsupported_operation")
    assert "delete it there" in refused.error["message"]


def test_a_conversation_is_compacted_by_a_provider_of_the_wire(house: Running, one: Upstream) -> None:
    compacted = {
        "id": "resp_c",
        "object": "response.compaction",
        "created_at": 1,
        "output": [{"type": "compaction", "id": "cmp_1", "encrypted_content": "ZW5j"}],
        "usage": {"input_tokens": 30, "output_tokens": 20},
    }
    one.reply_with(Reply.json(compacted))
    answer = ask(house, "one/model", path="/v1/responses/compact")
    assert answer.json == compacted
    assert one.received[-1].path == "/responses/compact"


def test_tokens_are_counted_by_a_provider_of_the_wire(house: Running, one: Upstream) -> None:
    counted = {"object": "response.input_tokens", "input_tokens": 16}
    one.reply_with(Reply.json(counted))
    assert ask(house, "one/model", path="/v1/responses/input_tokens").json == counted
    assert one.received[-1].path == "/responses/input_tokens"


@pytest.mark.parametrize("path", ["/v1/responses/resp_none", "/v1/responses/resp_none/input_items"])
def test_what_is_not_kept_is_not_found(house: Running, path: str) -> None:
    answer = house.get(path)
    assert (answer.status, answer.error["code"]) == (404, "response_not_found")


def test_other_methods_are_refused_with_those_that_are_not(house: Running) -> None:
    answer = house.request("PUT", "/v1/responses/resp_none")
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, DELETE"
