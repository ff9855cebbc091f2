"""OpenAI's own SDK works against the gateway in what is not chat."""

import base64
import json
from array import array
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from tests.support.gateway import Running, provider, serving
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


# --- Completions of a prompt ---


def test_a_completion_of_a_model_that_only_chats(gateway: Running, client: openai.OpenAI) -> None:
    raw = client.completions.with_raw_response.create(model="mock-fast", prompt="one two", echo=True)
    told = raw.parse()
    assert (told.object, told.model, told.choices[0].text) == (
        "text_completion",
        "mock/mock-fast",
        "one twoMock response",
    )
    assert told.usage is not None
    assert told.usage.total_tokens == 4
    chunks = list(client.completions.create(model="mock-fast", prompt="one two", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "Mock response"
    assert chunks[-1].choices[0].finish_reason == "stop"
    with pytest.raises(openai.BadRequestError, match="'suffix' as it is needs a model with completions"):
        client.completions.create(model="mock-fast", prompt="one two", suffix="three")


def test_a_completion_by_way_of_a_provider_s_chat_says_so(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.reply_with(
        Reply.json({"id": "c", "model": "m", "choices": [{"message": {"content": "upon"}, "finish_reason": "stop"}]})
    )
    raw = client.completions.with_raw_response.create(model="up/m", prompt="Once")
    assert raw.parse().choices[0].text == "upon"
    assert raw.headers["x-wye-emulated"] == "completions"
    (sent,) = upstream.received
    assert (sent.path, sent.json["messages"]) == ("/chat/completions", [{"role": "user", "content": "Once"}])


def test_a_completion_at_a_provider_that_has_them_goes_through(upstream: Upstream) -> None:
    upstream.received.clear()
    upstream.handler = None
    answer = {"id": "c", "model": "m", "choices": [{"text": "upon", "index": 0, "finish_reason": "stop", "odd": 1}]}
    upstream.reply_with(Reply.json(answer))
    with (
        serving(provider("vllm", upstream.url)) as gateway,
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client,
    ):
        raw = client.completions.with_raw_response.create(model="vllm/m", prompt=[[1, 2]], suffix="x")
    assert json.loads(raw.content) == {**answer, "model": "vllm/m"}
    assert "x-wye-emulated" not in raw.headers
    (sent,) = upstream.received
    assert (sent.path, sent.json) == ("/completions", {"model": "m", "prompt": [[1, 2]], "suffix": "x"})


# --- Passed on: images, audio, moderation ---

OPENAI_LIKE = 'api_keys = ["sk-unused-but-long-enough-to-be-one"]'


@pytest.fixture(scope="module")
def priced(_upstream: Upstream) -> Iterator[Running]:
    """Serve the catalog's OpenAI from the server of the fixture `upstream`."""
    with serving(provider("openai", _upstream.url, OPENAI_LIKE)) as running:
        yield running


@pytest.fixture
def paying(priced: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{priced.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def test_moderation_without_a_model_finds_one_and_costs_nothing(paying: openai.OpenAI, upstream: Upstream) -> None:
    result = {"flagged": True, "categories": {}, "category_scores": {}}
    upstream.reply_with(Reply.json({"id": "modr-1", "model": "omni-moderation-latest", "results": [result]}))
    raw = paying.moderations.with_raw_response.create(input="bad words")
    assert raw.parse().results[0].flagged
    assert raw.parse().model == "openai/omni-moderation-latest"
    assert raw.headers["x-wye-cost-usd"] == "0"
    assert upstream.received[0].json == {"input": "bad words", "model": "omni-moderation-latest"}


def test_pictures_are_made_and_paid_by_their_tokens(paying: openai.OpenAI, upstream: Upstream) -> None:
    usage = {
        "input_tokens": 110, "output_tokens": 1000, "total_tokens": 1110,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 100},
    }  # fmt: skip
    upstream.reply_with(Reply.json({"created": 1, "data": [{"b64_json": "QUJD"}], "usage": usage}))
    raw = paying.images.with_raw_response.generate(model="gpt-image-1", prompt="a cat", size="1024x1024")
    picture = raw.parse()
    assert picture.data is not None
    assert picture.data[0].b64_json == "QUJD"
    assert raw.headers["x-wye-cost-usd"] == "0.04105"  # 10 x 5 + 100 x 10 + 1000 x 40 millionths
    assert (upstream.received[0].path, upstream.received[0].json["size"]) == ("/images/generations", "1024x1024")


def test_a_picture_without_a_list_price_costs_nobody_knows_what(paying: openai.OpenAI, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"created": 1, "data": [{"url": "https://example.org/a.png"}]}))
    raw = paying.images.with_raw_response.generate(model="dall-e-3", prompt="a cat")
    assert "x-wye-cost-usd" not in raw.headers


def test_a_form_goes_through_with_the_model_renamed(paying: openai.OpenAI, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"created": 1, "data": [{"b64_json": "QUJD"}]}))
    paying.images.edit(model="openai/gpt-image-1", image=("a.png", b"\x89PNG\r\n\x00", "image/png"), prompt="a hat")
    (sent,) = upstream.received
    assert sent.path == "/images/edits"
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="model"\r\n\r\ngpt-image-1\r\n' in sent.body
    assert b"\x89PNG\r\n\x00\r\n" in sent.body


def test_speech_is_heard_and_paid_by_the_hour(paying: openai.OpenAI, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"text": "hello", "usage": {"type": "duration", "seconds": 30}}))
    raw = paying.audio.transcriptions.with_raw_response.create(model="whisper-1", file=("a.wav", b"RIFF"))
    assert raw.parse().text == "hello"
    assert raw.headers["x-wye-cost-usd"] == "0.003"
    upstream.reply_with(Reply.raw(b"hello\n", "text/plain"))
    text = paying.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF"), response_format="text")
    assert str(text) == "hello\n"
    upstream.reply_with(Reply.json({"text": "hello", "duration": 60.0}))
    with pytest.warns(DeprecationWarning, match="deprecated"):  # OpenAI would rather have another one used
        paying.audio.translations.create(model="whisper-1", file=("a.wav", b"RIFF"))
    assert [sent.path for sent in upstream.received] == [
        "/audio/transcriptions", "/audio/transcriptions", "/audio/translations",
    ]  # fmt: skip


def test_speech_is_spoken_and_paid_by_the_letter(paying: openai.OpenAI, upstream: Upstream) -> None:
    upstream.reply_with(Reply.raw(b"ID3\x00sound", "audio/mpeg"))
    raw = paying.audio.speech.with_raw_response.create(model="tts-1", voice="alloy", input="a hundred thousand")
    assert raw.content == b"ID3\x00sound"
    assert (raw.headers["content-type"], raw.headers["x-wye-cost-usd"]) == ("audio/mpeg", "0.00027")


def test_a_chat_model_draws_no_pictures(paying: openai.OpenAI, upstream: Upstream) -> None:
    with pytest.raises(openai.BadRequestError, match="cannot do image generation") as caught:
        paying.images.generate(model="gpt-4o", prompt="a cat")
    assert caught.value.code == "unsupported_operation"
    assert upstream.received == []


def test_a_refusal_is_in_openai_s_form(paying: openai.OpenAI, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"error": {"message": "slow down", "type": "rate_limit_error"}}, status=429))
    with pytest.raises(openai.RateLimitError, match="slow down") as caught:
        paying.embeddings.create(model="text-embedding-3-small", input="a")
    assert caught.value.code == "rate_limit_exceeded"


def test_a_page_of_another_site_cannot_send_a_form(priced: Running) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b", "sec-fetch-site": "cross-site"}
    answer = priced.request("POST", "/v1/audio/transcriptions", b"--b--\r\n", headers)
    assert (answer.status, answer.error["code"]) == (403, "permission_denied")
    assert priced.request("POST", "/v1/embeddings", b"--b--\r\n", headers).status == 400
