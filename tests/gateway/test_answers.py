"""What a caller is told beside the answer: who answered, what was left out, what it cost, and why it failed."""

import json
import re

import pytest
from tests.support.gateway import Running, provider, serving
from tests.support.openai_wire import answer, completion, refusal, stream
from tests.support.upstream import Reply, Upstream


def test_an_answer_says_who_gave_it_and_what_it_cost(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(answer())
    told = gateway.chat("up/priced")
    assert told.status == 200
    assert told.json == completion() | {"model": "up/priced"}
    assert re.fullmatch(r"req_[0-9a-f]{26}", told.headers["x-request-id"])
    assert told.headers["x-wye-provider"] == "up"
    assert told.headers["x-wye-model"] == "priced"
    assert told.headers["x-wye-attempts"] == "1"
    assert told.headers["x-wye-cost-usd"] == "0.000023"  # 3 tokens at 1 and 2 at 10 USD per million
    assert "x-wye-dropped-params" not in told.headers
    assert "x-wye-emulated" not in told.headers


def test_an_unknown_price_is_unknown_and_never_zero(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(answer())
    assert "x-wye-cost-usd" not in gateway.chat("up/unpriced").headers


def test_the_cost_of_an_answer_without_usage_is_marked_as_estimated(gateway: Running, upstream: Upstream) -> None:
    body = completion()
    del body["usage"]
    upstream.reply_with(Reply.json(body), answer())
    told = gateway.chat("up/priced")
    assert float(told.headers["x-wye-cost-usd"]) > 0
    assert told.headers["x-wye-estimated"] == "x-wye-cost-usd"
    assert "x-wye-estimated" not in gateway.chat("up/priced").headers


def test_request_ids_are_never_used_twice(gateway: Running) -> None:
    ids = [gateway.get("/healthz").headers["x-request-id"] for _ in range(100)]
    assert len(set(ids)) == 100


# --- Parameters that a wire cannot express ---


def test_a_parameter_that_a_wire_cannot_express_is_refused_by_name(upstream: Upstream) -> None:
    with serving(provider("ollama", upstream.url)) as gateway:
        refused = gateway.chat("ollama/llama3.1:8b", n=2)
        assert refused.status == 400
        assert (refused.error["code"], refused.error["param"]) == ("unsupported_parameter", "n")
        assert "x-wye-drop-unsupported" in refused.error["message"]
        assert upstream.received == []


@pytest.mark.parametrize("wish", ["true", "1", "YES"])
def test_with_leave_it_is_left_out_and_reported(upstream: Upstream, wish: str) -> None:
    upstream.reply_with(Reply.json({"message": {"role": "assistant", "content": "Hello"}, "done": True}))
    with serving(provider("ollama", upstream.url)) as gateway:
        told = gateway.chat("ollama/llama3.1:8b", n=2, logit_bias={"1": 5}, headers={"x-wye-drop-unsupported": wish})
        assert told.status == 200
        assert set(told.headers["x-wye-dropped-params"].split(", ")) == {"n", "logit_bias"}
        assert upstream.received[-1].json.keys().isdisjoint({"n", "logit_bias"})


def test_what_is_expressed_by_other_means_is_reported(upstream: Upstream) -> None:
    reply = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "{}"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    upstream.reply_with(Reply.json(reply))
    settings = provider("anthropic", upstream.url, 'api_keys = ["sk-ant-test"]')
    with serving(settings) as gateway:
        told = gateway.chat("anthropic/claude-3-haiku-20240307", response_format={"type": "json_object"})
        assert told.status == 200
        assert told.headers["x-wye-emulated"] == "response_format"


def test_the_settings_can_give_leave_for_all_and_a_caller_can_take_it_back(upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"message": {"role": "assistant", "content": "Hello"}, "done": True}))
    settings = provider("ollama", upstream.url) + '[routing]\nunsupported_parameters = "drop"\n'
    with serving(settings) as gateway:
        assert gateway.chat("ollama/llama3.1:8b", n=2).headers["x-wye-dropped-params"] == "n"
        assert gateway.chat("ollama/llama3.1:8b", n=2, headers={"x-wye-drop-unsupported": "false"}).status == 400


# --- Failures of a provider ---


@pytest.mark.parametrize(
    ("upstream_status", "upstream_code", "status", "kind", "code"),
    [
        (400, None, 400, "invalid_request_error", "invalid_request"),
        (400, "context_length_exceeded", 400, "invalid_request_error", "context_length_exceeded"),
        (401, "invalid_api_key", 401, "authentication_error", "provider_authentication_failed"),
        (402, None, 429, "insufficient_quota", "insufficient_quota"),
        (403, None, 403, "permission_error", "provider_permission_denied"),
        (404, "model_not_found", 404, "invalid_request_error", "model_not_found"),
        (408, None, 504, "timeout_error", "timeout"),
        (413, None, 413, "invalid_request_error", "request_too_large"),
        (429, None, 429, "rate_limit_error", "rate_limit_exceeded"),
        (429, "insufficient_quota", 429, "insufficient_quota", "insufficient_quota"),
        (500, None, 502, "api_error", "upstream_error"),
        (502, None, 502, "api_error", "upstream_error"),
        (503, None, 503, "overloaded_error", "overloaded"),
        (504, None, 504, "timeout_error", "timeout"),
        (529, None, 503, "overloaded_error", "overloaded"),
        (301, None, 502, "api_error", "upstream_error"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_providers_refusal_keeps_its_meaning_and_names_the_provider(
    gateway: Running,
    upstream: Upstream,
    upstream_status: int,
    upstream_code: str | None,
    status: int,
    kind: str,
    code: str,
    streamed: bool,  # noqa: FBT001
) -> None:
    upstream.reply_with(refusal(upstream_status, "what it said", upstream_code))
    refused = gateway.chat("up/m", stream=streamed)
    assert refused.status == status
    assert refused.error == {
        "message": "what it said",
        "type": kind,
        "param": None,
        "code": code,
        "provider": "up",
    }
    assert refused.headers["content-type"] == "application/json"
    assert refused.headers["x-wye-provider"] == "up"
    assert refused.headers["x-wye-attempts"] == "1"


@pytest.mark.parametrize(
    ("header", "said", "told"),
    [
        ("retry_after", "7", "7"),
        ("retry_after", "0", "0"),
        ("retry_after", "1.2", "2"),
        ("retry_after_ms", "1500", "2"),
        ("retry_after", "soon", None),
        ("retry_after", "-3", None),
        ("retry_after", "9" * 400, None),
    ],
)
def test_a_provider_says_when_to_come_back(
    gateway: Running, upstream: Upstream, header: str, said: str, told: str | None
) -> None:
    upstream.reply_with(refusal(429, "slow down", **{header: said}))
    assert gateway.chat("up/m").headers.get("retry-after") == told


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (Reply.raw(b"<html>Bad gateway</html>", "text/html", status=502), 502, "upstream_error"),
        (Reply.raw(b"", "application/json", status=500), 502, "upstream_error"),
        (Reply.raw(b"<html>", "text/html"), 502, "malformed_response"),
        (Reply.raw(b"", "application/json"), 502, "malformed_response"),
        (Reply.raw(b'{"choices": 4}', "application/json"), 502, "malformed_response"),
        (Reply.raw(b"{}", "application/json"), 502, "malformed_response"),
        (Reply.raw(b"\xff\xfe", "application/json"), 502, "malformed_response"),
        (Reply.reset(), 502, "connection_failed"),
    ],
)
def test_an_answer_that_is_none_is_the_providers_failure(
    gateway: Running, upstream: Upstream, reply: Reply, status: int, code: str
) -> None:
    upstream.reply_with(reply)
    refused = gateway.chat("up/m")
    assert (refused.status, refused.error["code"]) == (status, code)
    assert refused.error["provider"] == "up"
    assert refused.error["message"]


def test_a_provider_that_is_not_there_is_a_502() -> None:
    with serving(provider("gone", "http://127.0.0.1:1")) as gateway:
        for streamed in (False, True):
            refused = gateway.chat("gone/m", stream=streamed)
            assert (refused.status, refused.error["code"]) == (502, "connection_failed")
            assert refused.error["provider"] == "gone"


def test_a_providers_own_words_never_hold_the_key_we_sent(gateway: Running, upstream: Upstream) -> None:
    upstream.handler = lambda request: refusal(401, f"bad key {request.headers['authorization']}")
    refused = gateway.chat("up/m")
    assert refused.status == 401
    assert refused.error["message"].startswith("bad key Bearer")
    assert upstream.received[-1].headers["authorization"].removeprefix("Bearer ") not in refused.body.decode()


# --- Moving on to another provider ---


def test_an_alias_moves_on_to_the_next_model(gateway: Running, upstream: Upstream, spare: Upstream) -> None:
    upstream.reply_with(refusal(500))
    spare.reply_with(answer("from the spare"))
    told = gateway.chat("either")
    assert told.status == 200
    assert told.json["choices"][0]["message"]["content"] == "from the spare"
    assert told.json["model"] == "spare/model"
    assert told.headers["x-wye-provider"] == "spare"
    assert told.headers["x-wye-attempts"] == "2"
    line = gateway.wait_line(request_id=told.headers["x-request-id"])
    assert (line["attempts"], line["provider"], line.get("error")) == (2, "spare", None)


def test_a_stream_moves_on_before_its_first_word(gateway: Running, upstream: Upstream, spare: Upstream) -> None:
    upstream.reply_with(refusal(503))
    spare.reply_with(stream("from", " the spare"))
    told = gateway.chat("either", stream=True)
    assert told.headers["x-wye-attempts"] == "2"
    events = [json.loads(event) for event in told.events if event != b"[DONE]"]
    assert "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"]) == (
        "from the spare"
    )
    assert {event["model"] for event in events} == {"spare/model"}


def test_when_nobody_answers_the_last_reason_is_told(gateway: Running, upstream: Upstream, spare: Upstream) -> None:
    upstream.reply_with(refusal(500))
    spare.reply_with(refusal(429, retry_after="3"))
    refused = gateway.chat("either")
    assert refused.status == 429
    assert refused.error["provider"] == "spare"
    assert refused.headers["x-wye-attempts"] == "2"
    assert refused.headers["retry-after"] == "3"


def test_the_callers_own_mistake_goes_to_nobody_else(gateway: Running, upstream: Upstream, spare: Upstream) -> None:
    upstream.reply_with(refusal(400, "temperature is too high"))
    refused = gateway.chat("either")
    assert (refused.status, refused.error["provider"]) == (400, "up")
    assert spare.received == []


# --- Time ---


@pytest.mark.parametrize("streamed", [False, True])
def test_a_deadline_that_passes_is_a_504(gateway: Running, upstream: Upstream, streamed: bool) -> None:  # noqa: FBT001
    upstream.reply_with(Reply.silence())
    refused = gateway.chat("up/m", headers={"x-wye-timeout": "0.2"}, stream=streamed)
    assert refused.status == 504
    assert refused.error["code"] == "deadline_exceeded"
    assert refused.error["type"] == "timeout_error"
    assert upstream.wait_disconnect(5)


def test_the_deadline_holds_for_the_whole_chain(gateway: Running, upstream: Upstream, spare: Upstream) -> None:
    upstream.reply_with(Reply.silence())
    spare.reply_with(Reply.silence())
    refused = gateway.chat("either", headers={"x-wye-timeout": "0.4"})
    assert (refused.status, refused.error["code"]) == (504, "deadline_exceeded")
    assert refused.headers["x-wye-attempts"] == "2"  # the first keeps half of the time for the second
    assert upstream.wait_disconnect(5)
    assert spare.wait_disconnect(5)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("said", ["timeout = 0.2\nanswer_timeout = 0.2", "timeout = 0.2"])
def test_a_provider_that_stays_silent_makes_room_for_the_next(
    upstream: Upstream,
    spare: Upstream,
    said: str,
    streamed: bool,  # noqa: FBT001 - a parameter
) -> None:
    upstream.reply_with(Reply.silence())
    spare.reply_with(stream("from the spare") if streamed else answer("from the spare"))
    settings = [
        provider("up", upstream.url, said),
        provider("spare", spare.url),
        '[aliases]\neither = ["up/model", "spare/model"]\n',
    ]
    # A whole answer without a number of its own may take half of the deadline, however silent its provider is.
    headers = {} if "answer_timeout" in said else {"x-wye-timeout": "2"}
    with serving("\n".join(settings)) as gateway:
        told = gateway.chat("either", stream=streamed, headers=headers)
        assert (told.status, told.headers["x-wye-attempts"]) == (200, "2")
        assert upstream.wait_disconnect(5)


def test_the_configured_deadline_holds_where_the_caller_names_none(upstream: Upstream) -> None:
    upstream.reply_with(Reply.silence())
    with serving(provider("up", upstream.url) + "[routing]\ndeadline = 0.2\n") as gateway:
        assert gateway.chat("up/m").error["code"] == "deadline_exceeded"
