"""Cohere's own SDK reranks through the gateway, and embeddings find their way to every wire that has them."""

import json
from collections.abc import Iterator
from typing import Any

import cohere
import httpx
import openai
import pytest
from tests.support.gateway import Running, provider, serving
from tests.support.upstream import Received, Reply, Upstream

pytestmark = pytest.mark.clients

KEY = 'api_keys = ["unused-but-long-enough-to-be-a-key-of-somebody"]'
DOCUMENTS = ["Carson City is in Nevada.", "Washington is the capital."]
RANKING = {
    "id": "r-1",
    "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
}


@pytest.fixture(scope="module")
def all_wires(_upstream: Upstream) -> Iterator[Running]:
    """Serve providers of every wire that embeds or reranks, from one server."""
    settings = [
        provider("up", _upstream.url),
        provider("cohere", _upstream.url, KEY),
        provider("ollama", _upstream.url),
        provider("gemini", _upstream.url, KEY),
        "[aliases]",
        'either = ["up/embed-1", "ollama/nomic-embed-text"]',
    ]
    with serving("\n".join(settings)) as running:
        yield running


@pytest.fixture
def client(all_wires: Running) -> Iterator[cohere.ClientV2]:
    with httpx.Client() as connections:
        yield cohere.ClientV2(api_key="unused", base_url=all_wires.url, httpx_client=connections)


def rank(gateway: Running, **members: Any) -> Any:
    body = json.dumps({"query": "capital?", "documents": DOCUMENTS, **members}).encode()
    return gateway.request("POST", "/v1/rerank", body)


def test_the_sdk_reranks(client: cohere.ClientV2, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json(RANKING))
    told = client.rerank(model="rerank-v3.5", query="capital?", documents=DOCUMENTS, top_n=2)
    assert [(row.index, row.relevance_score) for row in told.results] == [(1, 0.9), (0, 0.1)]
    assert told.meta is not None
    assert told.meta.billed_units is not None
    assert told.meta.billed_units.search_units == 1
    (sent,) = upstream.received
    assert sent.path == "/rerank"
    assert sent.json == {"model": "rerank-v3.5", "query": "capital?", "documents": DOCUMENTS, "top_n": 2}


def test_a_ranking_is_paid_by_the_search_and_keeps_its_bytes(all_wires: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json(RANKING))
    answer = rank(all_wires, model="cohere/rerank-v3.5")
    assert answer.json == RANKING
    assert (answer.headers["x-wye-cost-usd"], answer.headers["x-wye-provider"]) == ("0.002", "cohere")


def test_documents_come_back_where_they_are_asked_for(all_wires: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json(RANKING))
    answer = rank(all_wires, model="cohere/rerank-v3.5", return_documents=True)
    assert [row["document"]["text"] for row in answer.json["results"]] == [DOCUMENTS[1], DOCUMENTS[0]]
    assert "return_documents" not in upstream.received[0].json


def test_a_server_of_jina_s_form_reranks_for_cohere_s_sdk(
    all_wires: Running, client: cohere.ClientV2, upstream: Upstream
) -> None:
    usage = {"prompt_tokens": 55, "total_tokens": 55}
    upstream.reply_with(Reply.json({"model": "bge", "object": "list", "results": RANKING["results"], "usage": usage}))
    told = client.rerank(model="up/bge", query="capital?", documents=DOCUMENTS)
    assert [row.index for row in told.results] == [1, 0]
    answer = rank(all_wires, model="up/bge", top_n=1)
    assert (answer.json["model"], answer.json["usage"], len(answer.json["results"])) == ("up/bge", usage, 1)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"documents": []}, "documents"),
        ({"documents": [{"title": "t"}]}, "documents[0].text"),
        ({"top_n": 0}, "top_n"),
        ({"query": 1}, "query"),
    ],
)
def test_a_wrong_ranking_is_told_its_member(all_wires: Running, members: dict[str, Any], param: str) -> None:
    answer = rank(all_wires, **{"model": "cohere/rerank-v3.5", **members})
    assert (answer.status, answer.error["param"]) == (400, param)


def test_a_model_that_only_ranks_does_not_embed_nor_the_other_way_round(all_wires: Running) -> None:
    answer = rank(all_wires, model="cohere/embed-v4.0")
    assert (answer.status, answer.error["code"]) == (400, "unsupported_operation")
    assert "models that can: cohere/rerank" in answer.error["message"]
    answer = rank(all_wires, model="ollama/never-heard-of")
    assert (answer.status, answer.error["code"]) == (400, "unsupported_operation")
    assert "'ollama/never-heard-of' cannot do reranking" in answer.error["message"]


# --- Embeddings on other wires, by OpenAI's SDK ---


@pytest.mark.parametrize(
    ("model", "path", "answer", "tokens"),
    [
        (
            "cohere/embed-v4.0",
            "/embed",
            {"id": "e", "embeddings": {"float": [[0.5, 1.0]]}, "meta": {"billed_units": {"input_tokens": 3}}},
            3,
        ),
        ("ollama/nomic-embed-text", "/api/embed", {"embeddings": [[0.5, 1.0]], "prompt_eval_count": 4}, 4),
        (
            "gemini/gemini-embedding-001",
            "/models/gemini-embedding-001:batchEmbedContents",
            {"embeddings": [{"values": [0.5, 1.0]}]},
            None,
        ),
    ],
)
def test_the_sdk_embeds_on_every_wire(
    all_wires: Running, upstream: Upstream, model: str, path: str, answer: Any, tokens: int | None
) -> None:
    upstream.reply_with(Reply.json(answer))
    with openai.OpenAI(base_url=f"{all_wires.url}/v1", api_key="unused", max_retries=0) as client:
        raw = client.embeddings.with_raw_response.create(model=model, input="a", dimensions=2)
    told = raw.parse()
    assert (told.model, told.data[0].embedding) == (model, [0.5, 1.0])
    usage = json.loads(raw.content)["usage"]
    assert usage == (None if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens})
    assert upstream.received[0].path == path
    assert "x-wye-cost-usd" in raw.headers
    assert ("x-wye-estimated" in raw.headers) == (tokens is None)


def test_an_alias_fails_over_from_one_wire_to_another(all_wires: Running, upstream: Upstream) -> None:
    def answer(received: Received) -> Reply:
        if received.path == "/embeddings":
            return Reply.json({"error": {"message": "down"}}, status=503)
        return Reply.json({"embeddings": [[0.5]], "prompt_eval_count": 1})

    upstream.handler = answer
    body = json.dumps({"model": "either", "input": ["a"]}).encode()
    told = all_wires.request("POST", "/v1/embeddings", body)
    assert (told.json["model"], told.headers["x-wye-attempts"]) == ("ollama/nomic-embed-text", "2")


def test_one_part_that_fails_fails_the_attempt_and_its_siblings_are_paid(
    all_wires: Running, upstream: Upstream
) -> None:
    def answer(received: Received) -> Reply:
        if len(received.json["texts"]) == 1:
            return Reply.json({"message": "slow down"}, status=429)
        return Reply.json({"embeddings": {"float": [[0.5]] * 96}, "meta": {"billed_units": {"input_tokens": 96}}})

    upstream.handler = answer
    body = json.dumps({"model": "cohere/embed-v4.0", "input": ["a"] * 97}).encode()
    told = all_wires.request("POST", "/v1/embeddings", body)
    assert (told.status, told.error["code"]) == (429, "rate_limit_exceeded")
    assert len(upstream.received) == 2
