"""OpenAI's own SDK works against the gateway in what is not chat."""

import base64
import json
from array import array
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from tests.support.gateway import Running
from tests.support.upstream import Received, Reply, Upstream

pytestmark = pytest.mark.clients

VECTOR = [0.5, -0.25, 1.0]
AS_TEXT = base64.b64encode(array("f", VECTOR).tobytes()).decode()


@pytest.fixture
def client(gateway: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def embed(received: Received) -> Reply:
    """Answer as OpenAI does, in the encoding that was asked for."""
    asked = received.json
    inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    one: Any = AS_TEXT if asked.get("encoding_format") == "base64" else VECTOR
    rows = [{"object": "embedding", "index": at, "embedding": one} for at, _ in enumerate(inputs)]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return Reply.json({"object": "list", "data": rows, "model": "embed-1", "usage": usage})


# --- Embeddings ---


def test_embeddings_in_the_sdk_s_own_base64(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.handler = embed
    told = client.embeddings.create(model="up/embed-1", input=["a", "b"])
    assert [row.embedding for row in told.data] == [VECTOR, VECTOR]
    assert (told.model, told.usage.prompt_tokens) == ("up/embed-1", 4)
    (sent,) = upstream.received
    assert sent.path == "/embeddings"
    assert sent.json == {"model": "embed-1", "input": ["a", "b"], "encoding_format": "base64"}


def test_embeddings_as_numbers_with_dimensions_and_what_we_do_not_know(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    upstream.handler = embed
    told = client.embeddings.create(
        model="up/embed-1", input="a", dimensions=3, encoding_format="float", extra_body={"truncate": True}
    )
    assert told.data[0].embedding == VECTOR
    assert upstream.received[0].json["dimensions"] == 3
    assert upstream.received[0].json["truncate"] is True


def test_the_mock_embeds_the_same_text_the_same_way(client: openai.OpenAI) -> None:
    told = client.embeddings.create(model="mock-embed", input=["one two", "one two", "three"], dimensions=8)
    one, same, other = (row.embedding for row in told.data)
    assert one == same != other
    assert len(one) == 8
    assert sum(value * value for value in one) == pytest.approx(1.0, abs=1e-5)
    assert told.usage.prompt_tokens == 5
    plain = client.embeddings.create(model="mock-embed", input=[[1, 2], [3]], encoding_format="float")
    assert len(plain.data) == 2
    assert plain.usage.prompt_tokens == 3


def test_a_provider_that_answers_numbers_where_text_was_asked_for_is_put_right(
    gateway: Running, upstream: Upstream
) -> None:
    rows = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    upstream.reply_with(Reply.json({"data": rows, "model": "embed-1", "usage": None}))
    body = json.dumps({"model": "up/embed-1", "input": ["a", "b"], "encoding_format": "base64"}).encode()
    answer = gateway.request("POST", "/v1/embeddings", body)
    assert answer.json == {
        "object": "list",
        "model": "up/embed-1",
        "data": [
            {
                "object": "embedding",
                "index": at,
                "embedding": base64.b64encode(array("f", [at + 1.0]).tobytes()).decode(),
            }
            for at in range(2)
        ],
        "usage": None,
    }
    assert answer.headers["x-wye-provider"] == "up"
    assert "x-wye-cost-usd" not in answer.headers


def test_a_model_that_cannot_embed_is_refused_before_anybody_is_asked(client: openai.OpenAI) -> None:
    with pytest.raises(
        openai.BadRequestError, match="'mock-fast' cannot do embeddings; models that can: mock/mock-embed"
    ) as caught:
        client.embeddings.create(model="mock-fast", input="a")
    assert (caught.value.code, caught.value.param) == ("unsupported_operation", "model")
    with pytest.raises(openai.BadRequestError, match="cannot do chat"):
        client.chat.completions.create(model="mock-embed", messages=[{"role": "user", "content": "a"}])
