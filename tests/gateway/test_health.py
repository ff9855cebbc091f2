"""What the running gateway learns of its providers: whom it leaves alone, with which keys, and what it says of them."""

import time
from collections.abc import Iterator

import pytest
from tests.support.gateway import PATIENCE, Running, provider, serving
from tests.support.openai_wire import answer
from tests.support.upstream import Received, Reply, Upstream

KEYS = [f"sk-canary-{name}-0123456789abcdef" for name in ("one", "two")]
STATUS = "/api/llm-providers/status"


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def house(up: Upstream, *more: str) -> str:
    keys = "api_keys = [" + ", ".join(f'"{key}"' for key in KEYS) + "]"
    return "\n".join([provider("up", up.url, keys), "[retry]\nmax_retries = 0", *more, ""])


def up_s(gateway: Running) -> dict[str, object]:
    found: dict[str, object] = gateway.get(STATUS).json["providers"]["up"]
    return found


def test_five_failures_open_the_breaker_and_three_answers_close_it(up: Upstream) -> None:
    with serving(house(up, "[breaker]\nopen_seconds = 5")) as gateway:
        up.handler = lambda _: Reply.json({"error": {"message": "broken"}}, 500)
        assert [gateway.chat("up/model").status for _ in range(5)] == [502] * 5
        refused = gateway.chat("up/model")
        assert (refused.status, refused.error["code"], len(up.received)) == (503, "overloaded", 5)
        assert int(refused.headers["retry-after"]) >= 1
        assert up_s(gateway)["status"] == "unavailable"
        up.handler = lambda _: answer("back")
        for _ in range(400):
            if gateway.chat("up/model").status == 200 and up_s(gateway)["status"] == "connected":
                break
            time.sleep(0.05)
        else:
            pytest.fail(f"it never came back: {up_s(gateway)}")


def test_a_refused_key_is_retired_and_nobody_sees_one(up: Upstream) -> None:
    def judge(request: Received) -> Reply:
        key = request.headers["authorization"].removeprefix("Bearer ")
        return answer("fine") if key == KEYS[1] else Reply.json({"error": {"message": f"bad key {key}"}}, 401)

    up.handler = judge
    with serving(house(up, "[breaker]")) as gateway:
        answers = [gateway.chat("up/model") for _ in range(6)]
        told = gateway.get(STATUS)
        log = gateway.log
    assert [each.status for each in answers].count(200) >= 5
    assert sum(KEYS[0] in request.headers["authorization"] for request in up.received) == 1
    assert [key["status"] for key in told.json["providers"]["up"]["keys"]] == ["refused", "healthy"]
    seen = told.body.decode() + log + "".join(each.body.decode() + str(each.headers) for each in answers)
    assert not any(key in seen for key in KEYS)


def test_a_gateway_that_is_to_look_finds_a_dead_provider_before_anybody_asks(up: Upstream) -> None:
    up.handler = lambda _: Reply.json({"error": {"message": "broken"}}, 500)
    with serving(house(up, "[breaker]\nopen_seconds = 60", "[health]\nactive = true\ninterval = 0.05")) as gateway:
        assert up.wait_received(PATIENCE, 5)
        assert {request.method for request in up.received} == {"GET"}
        for _ in range(200):
            if up_s(gateway)["status"] == "unavailable":
                break
            time.sleep(0.05)
        else:
            pytest.fail(f"nobody noticed: {up_s(gateway)}")
        assert gateway.chat("up/model").status == 503
