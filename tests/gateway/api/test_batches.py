"""Batches as OpenAI's own library makes, watches and reads them, on both databases, for any provider."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from tests.support.batches import CHAT, counts, ended, extras, file_of, library, line, lines_of, ordered, until
from tests.support.databases import config_for
from tests.support.gateway import Json, Running, provider, serving
from tests.support.openai_wire import answer, refusal
from tests.support.postgres import Server
from tests.support.upstream import Hold, Received, Reply, Upstream

ADMIN = "wye-admin-0123456789abcdefghij"
SETTINGS = """
[server]
admin_key = "{admin}"
[models."up/priced"]
input_cost_per_million = 1.0
output_cost_per_million = 10.0
[batches]
max_file_bytes = 100000
max_requests = 50
concurrency = 4
"""


def settings(upstream: Upstream) -> str:
    return provider("up", upstream.url, 'api_keys = ["sk-0123456789abcdefghijklmnop"]') + SETTINGS.format(admin=ADMIN)


@pytest.fixture(scope="module")
def _upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def upstream(_upstream: Upstream) -> Upstream:
    _upstream.received.clear()
    _upstream.handler = lambda _: answer("Hello")
    return _upstream


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def gateway(
    request: pytest.FixtureRequest,
    _upstream: Upstream,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    environ = {"WYE_SECRET_KEY": "a secret for these tests"}
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("batches") / "wye.db"
        shutil.copy(sqlite_template, file)
        with serving(settings(_upstream), environ=environ, store=config_for(f"sqlite:///{file}")) as running:
            yield running
        return
    server: Server = request.getfixturevalue("postgres")
    template = request.getfixturevalue("postgres_template")
    server.psql(f"CREATE DATABASE batches TEMPLATE {template} STRATEGY FILE_COPY")
    with serving(settings(_upstream), environ=environ, store=config_for(server.url("batches"))) as running:
        yield running
    server.psql("DROP DATABASE batches WITH (FORCE)")


def as_admin(gateway: Running, method: str, path: str, body: Json = None) -> Json:
    sent = None if body is None else json.dumps(body).encode()
    told = gateway.request(method, path, sent, {"authorization": f"Bearer {ADMIN}"})
    assert told.status < 300, told.body
    return told.json if told.body else None


@pytest.fixture
def client(gateway: Running, upstream: Upstream) -> Iterator[openai.OpenAI]:
    del upstream
    with library(gateway, ADMIN) as found:
        yield found


def key_of(gateway: Running, name: str, **more: Any) -> str:
    """Return a new key, of a user of that name."""
    there = gateway.request("GET", f"/api/users/{name}", headers={"authorization": f"Bearer {ADMIN}"})
    if there.status == 404:
        as_admin(gateway, "POST", "/api/users", {"id": name, "name": name})
    return str(as_admin(gateway, "POST", "/api/keys", {"userId": name, "scopes": ["use", "read"], **more})["key"])


def test_a_batch_is_made_watched_and_read_with_the_official_library(client: openai.OpenAI, upstream: Upstream) -> None:
    batch = ordered(client, file_of(*(line(f"n-{at}") for at in range(7))), metadata={"run": "nightly"})
    assert (batch.object, batch.status, batch.completion_window, batch.endpoint) == ("batch", "validating", "24h", CHAT)
    assert batch.expires_at == pytest.approx(batch.created_at + 24 * 3600, abs=1)
    done = ended(client, batch.id)
    assert done.status == "completed", done
    assert counts(done) == (7, 7, 0)
    assert (done.model, done.metadata, done.errors, done.error_file_id) == (
        "up/priced", {"run": "nightly"}, None, None,
    )  # fmt: skip
    assert done.in_progress_at
    assert done.finalizing_at
    assert done.completed_at
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.output_tokens, done.usage.total_tokens) == (21, 14, 35)
    assert extras(done) == {"cost_usd": pytest.approx(7 * 23e-6), "unknown_costs": 0, "waits_for": None}
    told = lines_of(client, done.output_file_id)
    assert [one["custom_id"] for one in told] == [f"n-{at}" for at in range(7)]
    first = told[0]
    assert first.keys() == {"id", "custom_id", "response", "error"}
    assert first["error"] is None
    assert first["response"]["status_code"] == 200
    assert first["response"]["request_id"].startswith("req_")
    assert first["response"]["body"]["choices"][0]["message"]["content"] == "Hello"
    assert len(upstream.received) == 7


def test_files_are_listed_shown_read_and_deleted(client: openai.OpenAI) -> None:
    content = file_of(line("a")) * 3
    file = client.files.create(file=("../a b.jsonl", content), purpose="batch")
    assert (file.object, file.purpose, file.bytes, file.filename) == ("file", "batch", len(content), "a b.jsonl")
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).content == content
    later = client.files.create(file=content, purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600})
    assert later.expires_at == pytest.approx(later.created_at + 3600, abs=1)
    assert [one.id for one in client.files.list(limit=2)][:2] == [later.id, file.id]
    assert client.files.list(limit=1).has_more
    assert file.id in {one.id for one in client.files.list(purpose="batch", order="asc")}
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError, match="there is no file"):
        client.files.content(file.id)
    assert file.id not in {one.id for one in client.files.list()}


@pytest.mark.parametrize(
    ("content", "purpose", "says"),
    [
        (b"", "batch", "the file is empty"),
        (b"x" * 100_001, "batch", "max_file_bytes"),
        (b"x" * 300_000, "batch", "max_file_bytes"),
        (b"{}", "fine-tune", "files are for batches here"),
    ],
)
def test_what_cannot_be_a_batchs_file_is_refused(
    client: openai.OpenAI, content: bytes, purpose: Any, says: str
) -> None:
    before = [one.id for one in client.files.list()]
    with pytest.raises(openai.APIStatusError, match=says) as refused:
        client.files.create(file=content, purpose=purpose)
    assert refused.value.status_code in {400, 413}
    assert [one.id for one in client.files.list()] == before


def test_other_endpoints_are_asked_in_their_own_words(client: openai.OpenAI) -> None:
    batch = ordered(client, file_of(line("r", "mock/mock-fast", url="/v1/responses", input="Hi")), "/v1/responses")
    (told,) = lines_of(client, ended(client, batch.id).output_file_id)
    assert told["response"]["body"]["object"] == "response"
    asked = line("e", "mock/mock-embed", url="/v1/embeddings", input="Hi")
    batch = ordered(client, file_of(asked), "/v1/embeddings")
    done = ended(client, batch.id)
    (told,) = lines_of(client, done.output_file_id)
    assert told["response"]["body"]["data"][0]["embedding"]
    assert done.usage is not None
    assert done.usage.input_tokens > 0


def test_messages_of_anthropics_wire_are_batched_as_well(client: openai.OpenAI) -> None:
    asked = line("m", "mock/mock-fast", url="/v1/messages", max_tokens=100)
    (told,) = lines_of(client, ended(client, ordered(client, file_of(asked), "/v1/messages").id).output_file_id)
    assert told["response"]["body"]["type"] == "message"


WRONG = [
    (b"{", "invalid_json_line", None),
    ({"custom_id": "x"}, "missing_required_parameter", "method"),
    ({**line("x"), "method": "GET"}, "invalid_method", "method"),
    ({**line("x"), "url": "/v1/embeddings"}, "invalid_url", "url"),
    (line("first"), "duplicate_custom_id", "custom_id"),
    (line(""), "invalid_custom_id", "custom_id"),
    (line("x", "no-such-model"), "model_not_found", "body.model"),
    (line("x", stream=True), "invalid_request", "body.stream"),
    ({**line("x"), "body": {"model": "up/priced"}}, "missing_field", "body.messages"),
]


@pytest.mark.parametrize(("wrong", "code", "param"), WRONG, ids=[code for _, code, _ in WRONG])
def test_lines_that_are_not_in_order_are_told_with_their_numbers(
    client: openai.OpenAI, upstream: Upstream, wrong: Any, code: str, param: str | None
) -> None:
    batch = ended(client, ordered(client, file_of(line("first"), b"", wrong, line("last"))).id)
    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("failed", None, None)
    assert batch.failed_at
    assert batch.errors is not None
    assert batch.errors.data is not None
    (error,) = batch.errors.data
    assert (error.code, error.line, error.param) == (code, 3, param), error
    assert not upstream.received


def test_a_file_of_too_many_or_no_lines_is_no_batch(client: openai.OpenAI) -> None:
    for content, code in ((file_of(*(line(str(at)) for at in range(51))), "too_many_tasks"), (b"\n\n", "empty_file")):
        batch = ended(client, ordered(client, content).id)
        assert batch.status == "failed"
        assert batch.errors is not None
        assert batch.errors.data is not None
        assert [error.code for error in batch.errors.data] == [code]


def test_a_model_that_the_key_may_not_use_is_an_error_of_its_line(gateway: Running, upstream: Upstream) -> None:
    with library(gateway, key_of(gateway, "narrow", models=["up/priced"])) as client:
        batch = ended(client, ordered(client, file_of(line("a"), line("b", "mock/mock-fast"))).id)
    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert [(one.line, one.param) for one in batch.errors.data] == [(2, "body.model")]
    assert not upstream.received


def test_lines_that_fail_are_in_the_error_file_and_the_others_in_the_other(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    def some(request: Received) -> Reply:
        bad = request.json["messages"][0]["content"] == "bad"
        return refusal(400, "that is bad") if bad else answer("good")

    upstream.handler = some
    batch = ended(client, ordered(client, file_of(line("a"), line("b", text="bad"), line("c"))).id)
    assert batch.status == "completed"
    assert counts(batch) == (3, 2, 1)
    assert [one["custom_id"] for one in lines_of(client, batch.output_file_id)] == ["a", "c"]
    (failed,) = lines_of(client, batch.error_file_id)
    assert (failed["custom_id"], failed["error"], failed["response"]["status_code"]) == ("b", None, 400)
    assert "that is bad" in failed["response"]["body"]["error"]["message"]
    assert {one.purpose for one in client.files.list(purpose="batch_output")} == {"batch_output"}
    assert batch.error_file_id is not None
    assert client.files.retrieve(batch.error_file_id).bytes == len(client.files.content(batch.error_file_id).content)
    client.files.delete(batch.error_file_id)
    assert len(lines_of(client, batch.output_file_id)) == 2


def test_a_provider_that_is_busy_is_waited_for(client: openai.OpenAI, upstream: Upstream) -> None:
    replies = iter([refusal(429, "slow down", **{"retry-after": "0.2"}), refusal(500), refusal(500)])
    upstream.handler = lambda _: next(replies, answer("at last"))
    batch = ended(client, ordered(client, file_of(line("a"))).id)
    assert batch.status == "completed"
    (told,) = lines_of(client, batch.output_file_id)
    assert told["response"]["body"]["choices"][0]["message"]["content"] == "at last"
    assert len(upstream.received) == 4


def test_a_line_whose_provider_goes_on_failing_has_failed(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.handler = lambda _: refusal(500)
    batch = ended(client, ordered(client, file_of(line("a"))).id)
    assert (batch.status, counts(batch), batch.output_file_id) == ("completed", (1, 0, 1), None)
    assert len(upstream.received) == 3


def held_answer(let_go: threading.Event) -> Reply:
    return replace(answer("late"), before=Hold(let_go))


def test_a_batch_is_cancelled_and_what_was_answered_stays(client: openai.OpenAI, upstream: Upstream) -> None:
    let_go = threading.Event()

    def held(request: Received) -> Reply:
        first = request.json["messages"][0]["content"] == "first"
        return answer("early") if first else held_answer(let_go)

    upstream.handler = held
    batch = ordered(client, file_of(line("a", text="first"), *(line(str(at)) for at in range(20))))
    until(client, batch.id, lambda one: counts(one)[1] == 1)
    cancelled = client.batches.cancel(batch.id)
    assert cancelled.status == "cancelling"
    assert cancelled.cancelling_at
    upstream.handler = lambda _: answer("late")
    let_go.set()
    done = ended(client, batch.id)
    assert done.status == "cancelled"
    assert done.cancelled_at
    total, completed, failed = counts(done)
    assert total == completed + failed == 21
    assert lines_of(client, done.output_file_id)[0]["custom_id"] == "a"
    codes = {one["error"]["code"] for one in lines_of(client, done.error_file_id) if one["error"]}
    assert codes == {"batch_cancelled"}
    assert client.batches.cancel(batch.id).status == "cancelled"


def test_a_batch_that_is_over_cannot_be_cancelled(client: openai.OpenAI) -> None:
    batch = ended(client, ordered(client, file_of(line("a"))).id)
    with pytest.raises(openai.BadRequestError, match="nothing left to cancel"):
        client.batches.cancel(batch.id)


def test_a_key_that_may_only_read_makes_no_batch(gateway: Running, upstream: Upstream) -> None:
    del upstream
    with library(gateway, key_of(gateway, "reader")) as client:
        file = client.files.create(file=file_of(line("a")), purpose="batch")
    with library(gateway, key_of(gateway, "reader", scopes=["read"])) as client:
        assert [one.id for one in client.files.list()] == [file.id]
        for ask in (
            lambda: client.files.create(file=b"{}", purpose="batch"),
            lambda: client.files.delete(file.id),
            lambda: client.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h"),
        ):
            with pytest.raises(openai.PermissionDeniedError, match="lacks the scope"):
                ask()


def test_batches_are_listed_the_latest_first_in_pages(gateway: Running, upstream: Upstream) -> None:
    del upstream
    with library(gateway, key_of(gateway, "lister")) as client:
        made = [ordered(client, file_of(line("a"))).id for _ in range(3)]
        page = client.batches.list(limit=2)
        assert [one.id for one in page.data] == made[:0:-1]
        assert page.has_more
        assert [one.id for one in client.batches.list(limit=2)] == made[::-1]
        assert [one.id for one in client.batches.list(after=made[1])] == made[:1]


def test_a_strangers_files_and_batches_are_not_there(gateway: Running, upstream: Upstream) -> None:
    del upstream
    with library(gateway, key_of(gateway, "ann")) as ann, library(gateway, key_of(gateway, "bob")) as bob:
        batch = ended(ann, ordered(ann, file_of(line("a"))).id)
        assert batch.output_file_id is not None
        for ask in (
            lambda: bob.batches.retrieve(batch.id),
            lambda: bob.batches.cancel(batch.id),
            lambda: bob.files.retrieve(batch.input_file_id),
            lambda: bob.files.content(batch.output_file_id or ""),
            lambda: bob.files.delete(batch.input_file_id),
            lambda: bob.batches.create(
                input_file_id=batch.input_file_id, endpoint="/v1/responses", completion_window="24h"
            ),
        ):
            with pytest.raises(openai.NotFoundError) as refused:
                ask()
            assert "ann" not in str(refused.value)
        assert not list(bob.batches.list())
        assert not list(bob.files.list())
        assert ann.files.content(batch.output_file_id).content


@pytest.mark.parametrize("endpoint", ["/v1/images/generations", "/v1/nothing", ""])
def test_no_batch_is_made_for_what_cannot_be_batched(client: openai.OpenAI, endpoint: str) -> None:
    file = client.files.create(file=b"{}", purpose="batch")
    with pytest.raises(openai.BadRequestError, match="no batch can be made"):
        client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h")  # type: ignore[arg-type]
