"""`/api/models/generate` and `/stream` answer by the model that is named or by the best, and tell the account."""

import json
import socket

import pytest
from tests.gateway.api.conftest import Api
from tests.support.gateway import Json
from tests.support.openai_wire import USAGE, answer, event, refusal, stream, two_at_once, words
from tests.support.upstream import Cut, Hang, Reply, Upstream

HELLO = {"messages": [{"role": "user", "content": "Hello!"}]}


def say(upstream: Upstream, *replies: Reply) -> None:
    """Let the provider answer so, in order."""
    upstream.handler = None
    upstream.reply_with(*replies)


def events(body: bytes) -> list[Json]:
    """Return the events of a stream."""
    return [json.loads(block[6:]) for block in body.split(b"\n\n") if block.startswith(b"data: ")]


def test_a_conversation_is_answered_with_its_account(api: Api, openai: Upstream) -> None:
    told = api.post("/api/models/generate", {**HELLO, "provider": "openai", "model": "gpt-4o"})
    assert told.status == 200
    assert (told.json["content"], told.json["model"], told.json["provider"]) == ("Hello", "gpt-4o", "openai")
    assert (told.json["finishReason"], told.json["attempts"]) == ("stop", 1)
    assert told.json["usage"]["inputTokens"] == USAGE["prompt_tokens"]
    assert told.json["usage"]["totalTokens"] == USAGE["total_tokens"]
    assert told.json["cost"] == pytest.approx((3 * 2.5 + 2 * 10) / 1e6)
    assert told.json["requestId"] == told.headers["x-request-id"]
    assert told.headers["x-wye-model"] == "gpt-4o"
    assert openai.received[0].json["messages"] == HELLO["messages"]


@pytest.mark.parametrize("strategy", ["balanced", "cost", "COST_OPTIMIZED", "performance_optimized", "round-robin"])
def test_a_strategy_chooses_among_models_that_can(api: Api, strategy: str) -> None:
    context = {"strategy": strategy, "requiredCapabilities": ["function_calling"], "providers": ["openai"]}
    told = api.post("/api/models/generate", {**HELLO, "context": context})
    assert (told.status, told.json["provider"]) == (200, "openai")
    can = api.get(f"/api/llm-providers/models/openai/{told.json['model']}").json["model"]["capabilities"]
    assert "function-calling" in can


def test_a_model_can_be_named_as_the_documents_do(api: Api) -> None:
    context = {"strategy": "manual", "manualModel": "openai:gpt-4o-mini"}
    assert api.post("/api/models/generate", {**HELLO, "context": context}).json["model"] == "gpt-4o-mini"
    refused = api.post("/api/models/generate", {**HELLO, "context": {"strategy": "manual"}})
    assert (refused.status, refused.error["param"]) == (400, "context.manualModel")


def test_options_and_tools_reach_the_provider(api: Api, openai: Upstream) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    options = {"maxTokens": 1000, "temperature": 0.7, "topP": 0.9, "stop": ["END"], "seed": 7}
    api.post(
        "/api/models/generate",
        {"prompt": "Hi", "model": "openai/gpt-4o", "options": options, "tools": [tool], "toolChoice": "required"},
    )
    sent = openai.received[0].json
    assert (sent["temperature"], sent["top_p"], sent["stop"], sent["seed"]) == (0.7, 0.9, ["END"], 7)
    assert sent.get("max_tokens", sent.get("max_completion_tokens")) == 1000
    assert (sent["tools"], sent["tool_choice"]) == ([tool], "required")


def test_calls_of_tools_come_back(api: Api, openai: Upstream) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"place": "Bern"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    say(openai, Reply.json({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}))
    told = api.post("/api/models/generate", {**HELLO, "model": "openai/gpt-4o"}).json
    assert told["toolCalls"] == [{"id": "call_1", "name": "weather", "arguments": '{"place": "Bern"}'}]
    assert (told["content"], told["finishReason"], told["usage"]) == ("", "tool_calls", None)
    assert told["cost"] > 0  # estimated, since the provider said nothing of it


def test_a_stream_brings_the_text_in_pieces_and_ends_with_the_account(api: Api, openai: Upstream) -> None:
    say(openai, stream("Hel", "lo"))
    told = api.post("/api/models/stream", {**HELLO, "model": "openai/gpt-4o"})
    assert told.headers["content-type"].startswith("text/event-stream")
    *pieces, done = events(told.body)
    assert [piece["text"] for piece in pieces if piece["type"] == "content"] == ["Hel", "lo"]
    assert (done["type"], done["finishReason"], done["model"], done["provider"]) == ("done", "stop", "gpt-4o", "openai")
    assert done["usage"]["outputTokens"] == USAGE["completion_tokens"]
    assert done["cost"] == pytest.approx((3 * 2.5 + 2 * 10) / 1e6)


def test_a_stream_of_several_answers_brings_the_first(api: Api, openai: Upstream) -> None:
    say(openai, two_at_once())
    *pieces, done = events(api.post("/api/models/stream", {**HELLO, "model": "openai/gpt-4o"}).body)
    assert "".join(piece["text"] for piece in pieces if piece["type"] == "content") == "It is."
    assert done["finishReason"] == "stop"


def test_streamed_and_whole_answers_say_the_same(api: Api, openai: Upstream) -> None:
    say(openai, stream("Hello"), answer("Hello"))
    streamed = events(api.post("/api/models/stream", {**HELLO, "model": "openai/gpt-4o"}).body)
    whole = api.post("/api/models/generate", {**HELLO, "model": "openai/gpt-4o"}).json
    text = "".join(piece["text"] for piece in streamed if piece["type"] == "content")
    assert text == whole["content"]
    same = ("usage", "cost", "finishReason", "model", "provider", "attempts")
    assert [streamed[-1][name] for name in same] == [whole[name] for name in same]


def test_an_error_before_the_first_piece_is_an_error_in_json(api: Api, openai: Upstream) -> None:
    for path in ("/api/models/generate", "/api/models/stream"):
        openai.handler = lambda _: refusal(400, "bad thing")
        refused = api.post(path, {**HELLO, "model": "openai/gpt-4o"})
        assert refused.status == 400
        assert refused.headers["content-type"] == "application/json"
        assert "bad thing" in refused.error["message"]


def test_an_error_in_the_midst_of_a_stream_is_its_last_event(api: Api, openai: Upstream) -> None:
    say(openai, Reply.stream([*words("Hel"), Cut()]))
    told = api.post("/api/models/stream", {**HELLO, "model": "openai/gpt-4o"})
    assert told.status == 200
    *_, piece, last = events(told.body)
    assert piece == {"type": "content", "text": "Hel"}
    assert (last["type"], last["error"]["code"]) == ("error", "stream_interrupted")
    assert last["requestId"] == told.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/api/models/generate", "/api/models/stream"])
def test_who_leaves_ends_the_call_at_the_provider(api: Api, openai: Upstream, path: str) -> None:
    openai.handler = lambda _: (
        Reply.stream([*words(), event(content="Hel"), Hang()]) if "stream" in path else Reply.silence()
    )
    body = json.dumps({**HELLO, "model": "openai/gpt-4o"}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.gateway.port), timeout=10) as peer:
        peer.sendall(head.encode() + body)
        assert openai.wait_received(5)
    assert openai.wait_disconnect(5)
    assert api.gateway.wait_line(status=499, path=path)["provider"] == "openai"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [], "prompt": "x"}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        (
            {"prompt": "x", "provider": "openai", "model": "gpt-none-such-at-all-" * 3, "context": {"timeout": 0}},
            "context.timeout",
        ),
        ({"prompt": "x", "options": {"maxTokens": 0}}, "options.maxTokens"),
        ({"prompt": "x", "model": "zzzzzzzzz"}, "model"),
    ],
)
def test_a_request_that_cannot_be_answered_names_the_member(api: Api, body: Json, param: str) -> None:
    for path in ("/api/models/generate", "/api/models/stream"):
        refused = api.post(path, body)
        assert (refused.status in {400, 404}, refused.error["param"]) == (True, param)


def test_a_provider_alone_answers_with_its_default_model(api: Api) -> None:
    told = api.post("/api/models/generate", {"prompt": "Hi", "provider": "mock"}).json
    assert (told["provider"], told["content"]) == ("mock", "Mock response")


def test_headers_about_the_choice_count_where_the_body_is_silent(api: Api) -> None:
    body = json.dumps({**HELLO, "context": {"providers": ["openai"]}}).encode()
    headers = {"x-wye-strategy": "no-such-strategy"}
    refused = api.gateway.request("POST", "/api/models/generate", body, headers)
    assert (refused.status, refused.error["param"]) == (400, "x-wye-strategy")
    headers = {"x-wye-explain": "true", "x-wye-strategy": "cost"}
    told = api.gateway.request("POST", "/api/models/generate", body, headers)
    assert json.loads(told.headers["x-wye-explain"])["strategy"] == "cost"
