"""What is wrong with a request is said in OpenAI's envelope, exactly and before any provider is asked."""

import http.client
import json
import socket
from typing import Any

import pytest
from tests.support.gateway import Running, chat_body, read, serving
from tests.support.openai_wire import answer
from tests.support.upstream import Upstream

HELLO = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b"not json", "invalid_json", None),
        (b'{"model": "\xff"}', "invalid_json", None),
        (b'{"model": "up/m", "messages": [], "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid_json", None),
        (b"null", "invalid_type", None),
        (b"[]", "invalid_type", None),
        (b'"text"', "invalid_type", None),
        ({}, "missing_field", "model"),
        ({"messages": HELLO}, "missing_field", "model"),
        ({"model": "up/m"}, "missing_field", "messages"),
        ({"model": None, "messages": HELLO}, "invalid_type", "model"),
        ({"model": 4, "messages": HELLO}, "invalid_type", "model"),
        ({"model": "up/m", "messages": None}, "invalid_type", "messages"),
        ({"model": "up/m", "messages": "Hi"}, "invalid_type", "messages"),
        ({"model": "up/m", "messages": []}, "invalid_value", "messages"),
        ({"model": "up/m", "messages": ["Hi"]}, "invalid_type", "messages[0]"),
        ({"model": "up/m", "messages": [{"content": "Hi"}]}, "missing_field", "messages[0].role"),
        ({"model": "up/m", "messages": [{"role": "user", "content": 4}]}, "invalid_type", "messages[0].content"),
        (
            {"model": "up/m", "messages": [*HELLO, {"role": "user", "content": {}}]},
            "invalid_type",
            "messages[1].content",
        ),
        (chat_body("up/m", stream="yes"), "invalid_type", "stream"),
        (chat_body("up/m", temperature="hot"), "invalid_type", "temperature"),
        (chat_body("up/m", max_tokens="many"), "invalid_type", "max_tokens"),
        (chat_body("up/m", max_tokens=1.5), "invalid_type", "max_tokens"),
        (chat_body("up/m", stop=[1]), "invalid_type", "stop[0]"),
        (chat_body("up/m", tools={}), "invalid_type", "tools"),
        (chat_body("up/m", stream_options=True), "invalid_type", "stream_options"),
        (chat_body("up/m", stream_options={"include_usage": 1}), "invalid_type", "stream_options.include_usage"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_by_the_name_of_what_is_wrong(
    gateway: Running, upstream: Upstream, body: Any, code: str, param: str | None
) -> None:
    refused = gateway.post(body)
    assert refused.status == 400
    assert set(refused.error) == {"message", "type", "param", "code"}
    assert (refused.error["type"], refused.error["code"]) == ("invalid_request_error", code)
    assert refused.error["param"] == param
    assert refused.error["message"]
    assert refused.headers["content-type"] == "application/json"
    assert refused.headers["x-request-id"].startswith("req_")
    assert upstream.received == []


def test_wrong_parts_are_found_where_the_provider_speaks_another_wire(gateway: Running) -> None:
    message = {"role": "user", "content": [{"type": "text"}]}
    refused = gateway.post({"model": "mock/mock-fast", "messages": [message]})
    assert refused.status == 400
    assert refused.error["param"] == "messages[0].content[0].text"


def test_a_name_that_fits_nothing_is_a_404_with_near_names(gateway: Running) -> None:
    refused = gateway.chat("gpt4o")
    assert refused.status == 404
    assert (refused.error["code"], refused.error["param"]) == ("model_not_found", "model")
    assert "openai/gpt-4o" in refused.error["message"]


def test_a_model_that_nobody_here_serves_is_a_404_that_says_what_to_set(gateway: Running) -> None:
    refused = gateway.chat("gpt-4o-mini")
    assert refused.status == 404
    assert "OPENAI_API_KEY" in refused.error["message"]


def test_a_model_of_any_name_is_asked_of_a_provider_that_is_named(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(answer())
    name = 'od/d "näme"\n\x7f'
    told = gateway.chat(f"up/{name}")
    assert told.status == 200
    assert upstream.received[-1].json["model"] == name
    assert told.json["model"] == f"up/{name}"
    assert told.headers["x-wye-model"] == 'od/d "n\\xe4me"\\n\\x7f'


@pytest.mark.parametrize(
    "path", ["/v2", "/v1", "/v1/", "/v1/chat/completions/", "/v1/chat", "/favicon.ico", "//", "/%00"]
)
def test_an_unknown_path_is_a_404_in_the_envelope(gateway: Running, path: str) -> None:
    refused = gateway.get(path)
    assert refused.status == 404
    assert (refused.error["code"], refused.error["type"]) == ("not_found", "invalid_request_error")


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET"),
        ("POST", "/v1/models/mock/mock-fast", "GET"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_a_wrong_method_is_a_405_that_names_the_right_one(gateway: Running, method: str, path: str, right: str) -> None:
    refused = gateway.request(method, path, b"{}")
    assert refused.status == 405
    assert refused.error["code"] == "method_not_allowed"
    assert right in refused.headers["allow"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/models", "/"])
def test_head_says_what_get_would_without_the_body(gateway: Running, path: str) -> None:
    whole, head = gateway.get(path), gateway.request("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.body))
    assert head.headers["content-type"] == "application/json"


@pytest.mark.parametrize("timeout", ["soon", "", "0", "-1", "nan", "inf", "1e9", "1s"])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(gateway: Running, timeout: str) -> None:
    refused = gateway.chat("up/m", headers={"x-wye-timeout": timeout})
    assert refused.status == 400
    assert refused.error["param"] == "x-wye-timeout"


def test_parameters_nobody_knows_travel_to_the_provider(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(answer())
    body = chat_body("up/m", brand_new={"nested": [1, 2.50, None]}, another="é")
    assert gateway.post(body).status == 200
    assert upstream.received[-1].json == {**body, "model": "m"}


# --- The length of a body ---


def test_a_declared_length_over_the_limit_is_refused_before_the_body_is_sent() -> None:
    with serving("[server]\nmax_body_bytes = 1000\n") as gateway:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as peer:
            peer.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                b"content-length: 1001\r\n\r\n"
            )
            refused = read(response_from(peer))
        assert refused.status == 413
        assert refused.error["code"] == "request_too_large"
        assert "1000 bytes" in refused.error["message"]


def test_nobody_is_told_to_continue_with_a_body_that_is_too_long() -> None:
    with (
        serving("[server]\nmax_body_bytes = 1000\n") as gateway,
        socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as peer,
    ):
        peer.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            b"expect: 100-continue\r\ncontent-length: 5000\r\n\r\n"
        )
        assert peer.recv(16).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("length", [1001, 3000, 300_000])
def test_a_body_of_no_declared_length_is_refused_once_it_is_over_the_limit(length: int) -> None:
    with serving("[server]\nmax_body_bytes = 1000\n") as gateway:
        body = json.dumps(chat_body("mock-fast", "x" * (length - len(json.dumps(chat_body("mock-fast", "")))))).encode()
        assert len(body) == length
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as peer:
            peer.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                b"transfer-encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (length, body)
            )
            assert read(response_from(peer)).status == 413


def test_a_body_as_long_as_the_limit_is_taken() -> None:
    body = json.dumps(chat_body("mock-fast")).encode()
    with serving(f"[server]\nmax_body_bytes = {len(body)}\n") as gateway:
        assert gateway.post(body).status == 200
        assert gateway.post(body + b" ").status == 413
        assert gateway.post(body).status == 200


def test_a_body_of_thirty_megabytes_reaches_the_provider_whole(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(answer())
    text = "é" * (15 << 20)
    assert gateway.post(json.dumps(chat_body("up/m", text), ensure_ascii=False).encode()).status == 200
    assert upstream.received[-1].json["messages"][0]["content"] == text


def response_from(peer: socket.socket) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(peer)
    response.begin()
    return response
