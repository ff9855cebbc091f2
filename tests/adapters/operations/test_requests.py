"""Requests are what each provider's own library would send, and nothing that was asked is lost in silence."""

import json
from contextlib import suppress
from typing import Any, cast

import ollama
import pytest
from google.genai import types as google
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import EmbeddingCreateParams
from pydantic import TypeAdapter
from tests.adapters.operations.calls import body_of, built, does, embedding, forwarded, ranking
from tests.adapters.test_properties import bodies

from wye.adapters import Target, load, operator
from wye.catalog import load as load_catalog
from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.errors import InvalidRequestError, UnsupportedOperationError, UnsupportedParameterError, WyeError
from wye.core.operations import EmbeddingsAnswer, OperationCall, joined
from wye.core.usage import Usage
from wye.surfaces import cohere_rerank, openai_embeddings, openai_forwarded

TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-english-v3"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"
ALL = [
    ("openai_chat", "m-1"), ("gemini", "m-1"), ("cohere_chat", "m-1"), ("ollama_chat", "m-1"),
    ("bedrock_converse", TITAN), ("bedrock_converse", COHERE), ("bedrock_converse", NOVA),
]  # fmt: skip


# --- OpenAI's form ---


def test_openai_s_form_goes_through_with_everything_in_it() -> None:
    body = body_of("openai_chat", embedding(dimensions=3, user="u", encoding_format="base64", odd=[1]))
    assert body == {
        "model": "m-1", "input": ["a", "b"], "dimensions": 3, "user": "u", "encoding_format": "base64", "odd": [1],
    }  # fmt: skip
    del body["odd"]
    TypeAdapter(EmbeddingCreateParams).validate_python(body)


def test_a_provider_with_another_word_for_the_length_gets_that() -> None:
    body = body_of("openai_chat", embedding(dimensions=3), traits=WireTraits(dimensions_field="output_dimension"))
    assert body == {"model": "m-1", "input": ["a", "b"], "output_dimension": 3}


def test_tokens_go_to_those_that_take_them_and_are_refused_by_the_rest() -> None:
    assert body_of("openai_chat", embedding(input=[[1, 2], [3]]))["input"] == [[1, 2], [3]]
    for wire, name in ALL[1:]:
        with pytest.raises(UnsupportedParameterError, match="'input' cannot be expressed") as caught:
            built(wire, embedding(input=[1, 2]), name)
        assert caught.value.param == "input"


def test_a_feature_extraction_is_asked_by_path() -> None:
    traits = load_catalog().providers["huggingface"].wire
    (request,) = built("openai_chat", embedding(normalize=True), "BAAI/bge-m3", traits)
    assert request.path == "/../hf-inference/models/BAAI/bge-m3/pipeline/feature-extraction"
    assert json.loads(request.body) == {"inputs": ["a", "b"], "normalize": True}
    with pytest.raises(UnsupportedParameterError, match="'dimensions'"):
        built("openai_chat", embedding(dimensions=3), "BAAI/bge-m3", traits)
    (request,) = built("openai_chat", embedding(dimensions=3, drop=True), "BAAI/bge-m3", traits)
    assert request.dropped == ("dimensions",)
    answer = does("openai_chat", "embeddings").parse(b"[[0.5,1],[2,3]]", {}, embedding())
    assert cast("EmbeddingsAnswer", answer).vectors == ([0.5, 1], [2, 3])


@pytest.mark.parametrize("name", ["../../secret", "a//b", "a/./b"])
def test_a_model_s_name_leads_nowhere_else(name: str) -> None:
    traits = load_catalog().providers["huggingface"].wire
    with pytest.raises(InvalidRequestError, match="is no name of a model"):
        built("openai_chat", embedding(), name, traits)


# --- Gemini's and Vertex's three forms ---


def test_the_gemini_api_takes_a_hundred_texts_at_once() -> None:
    call = embedding(input=[str(at) for at in range(101)], dimensions=8, input_type="query", user="u")
    first, second = built("gemini", call)
    assert (first.path, first.dropped) == ("/models/m-1:batchEmbedContents", ("user",))
    assert [len(json.loads(part.body)["requests"]) for part in (first, second)] == [100, 1]
    one = json.loads(second.body)["requests"][0]
    assert one == {
        "model": "models/m-1",
        "content": {"parts": [{"text": "100"}]},
        "taskType": "RETRIEVAL_QUERY",
        "outputDimensionality": 8,
    }
    google.Content.model_validate(one["content"])
    google.EmbedContentConfig(task_type=one["taskType"], output_dimensionality=one["outputDimensionality"])


def test_vertex_takes_one_text_at_a_time_in_either_form() -> None:
    catalog = load_catalog()
    for full_id, path, body in (
        (
            "vertex/gemini-embedding-001",
            "/models/gemini-embedding-001:predict",
            {"instances": [{"content": "b", "task_type": "CLUSTERING"}], "parameters": {"outputDimensionality": 8}},
        ),
        (
            "vertex/gemini-embedding-2",
            "/models/gemini-embedding-2:embedContent",
            {"content": {"parts": [{"text": "b"}]}, "taskType": "CLUSTERING", "outputDimensionality": 8},
        ),
    ):
        target = Target(catalog.models[full_id], catalog.providers["vertex"].wire)
        parts = does("gemini", "embeddings").build(embedding(dimensions=8, input_type="clustering"), target)
        assert len(parts) == 2
        assert (parts[1].path, json.loads(parts[1].body)) == (path, body)


# --- Cohere's, Ollama's, Bedrock's ---


def test_cohere_is_told_a_purpose_whoever_says_none() -> None:
    (request,) = built("cohere_chat", embedding(dimensions=256, truncate="START"))
    assert (request.path, request.emulated) == ("/embed", ("input_type",))
    assert json.loads(request.body) == {
        "model": "m-1", "texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"],
        "output_dimension": 256, "truncate": "START",
    }  # fmt: skip
    (request,) = built("cohere_chat", embedding(input_type="query"))
    assert (json.loads(request.body)["input_type"], request.emulated) == ("search_query", ())
    assert [len(json.loads(part.body)["texts"]) for part in built("cohere_chat", embedding(input=["a"] * 97))] == [
        96,
        1,
    ]


def test_ollama_takes_all_texts_with_its_own_options() -> None:
    body = body_of("ollama_chat", embedding(dimensions=8, options={"num_ctx": 9}, keep_alive="1m"))
    assert body == {
        "model": "m-1", "input": ["a", "b"], "dimensions": 8, "options": {"num_ctx": 9}, "keep_alive": "1m",
    }  # fmt: skip
    ollama._types.EmbedRequest.model_validate(body)


def test_each_family_on_bedrock_has_its_own_body() -> None:
    parts = built("bedrock_converse", embedding(dimensions=256, normalize=True), TITAN)
    assert [json.loads(part.body) for part in parts] == [
        {"inputText": text, "dimensions": 256, "normalize": True} for text in ("a", "b")
    ]
    assert parts[0].path == "/model/amazon.titan-embed-text-v2%3A0/invoke"
    cohere = body_of("bedrock_converse", embedding(input_type="query", dimensions=512), COHERE)
    assert cohere == {
        "texts": ["a", "b"], "input_type": "search_query", "embedding_types": ["float"], "output_dimension": 512,
    }  # fmt: skip
    nova = json.loads(built("bedrock_converse", embedding(dimensions=256), NOVA)[1].body)
    assert nova == {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {
            "embeddingPurpose": "GENERIC_INDEX",
            "embeddingDimension": 256,
            "text": {"truncationMode": "NONE", "value": "b"},
        },
    }


def test_what_a_model_on_bedrock_cannot_do_is_said() -> None:
    with pytest.raises(UnsupportedOperationError, match="claude' cannot do embeddings"):
        built("bedrock_converse", embedding(), "anthropic.claude")
    with pytest.raises(UnsupportedParameterError, match="'dimensions'"):
        built("bedrock_converse", embedding(dimensions=3), "amazon.titan-embed-text-v1")
    first, _ = built(
        "bedrock_converse", embedding(dimensions=3, input_type="query", drop=True), "amazon.titan-embed-text-v1"
    )
    assert set(first.dropped) == {"dimensions", "input_type"}


# --- Reranking ---


def test_a_ranking_goes_to_cohere_as_version_2_wants_it() -> None:
    call = ranking(documents=[{"title": "t", "text": "x"}, {"title": "u", "text": "y"}], rank_fields=["title"], top_n=1,
                   return_documents=True, max_tokens_per_doc=9)  # fmt: skip
    (request,) = built("cohere_chat", call)
    assert request.path == "/rerank"
    assert json.loads(request.body) == {
        "model": "m-1", "query": "q", "documents": ["title: t", "title: u"], "top_n": 1, "max_tokens_per_doc": 9,
    }  # fmt: skip


def test_a_ranking_goes_to_others_as_it_came() -> None:
    (request,) = built("openai_chat", ranking(top_n=1, odd=True))
    assert (request.path, json.loads(request.body)) == (
        "/rerank",
        {"model": "m-1", "query": "q", "documents": ["a", "b"], "top_n": 1, "odd": True},
    )
    body = body_of("bedrock_converse", ranking(top_n=1), "cohere.rerank-v3-5:0")
    assert body == {"query": "q", "documents": ["a", "b"], "top_n": 1, "api_version": 2}
    with pytest.raises(UnsupportedParameterError, match="'max_tokens_per_doc'"):
        built("bedrock_converse", ranking(max_tokens_per_doc=1), "amazon.rerank-v1:0")


def test_a_ranking_on_bedrock_is_charged_by_the_hundred_documents() -> None:
    answer = does("bedrock_converse", "rerank").parse(
        b'{"results":[{"index":1,"relevance_score":0.5}]}', {}, ranking(documents=["a"] * 101)
    )
    assert answer.usage == Usage(search_requests=2, estimated=True)


# --- All of them ---


@pytest.mark.parametrize("wire", ["anthropic_messages", "openai_responses"])
def test_a_wire_without_an_operation_says_so(wire: str) -> None:
    assert operator(load(wire), "embeddings") is None
    assert operator(load("ollama_chat"), "rerank") is None
    assert operator(load("gemini"), "moderation") is None


def test_parts_of_an_answer_are_joined_in_order_with_their_usage() -> None:
    one = EmbeddingsAnswer(vectors=([1.0],), usage=Usage(input_tokens=2), id="x", raw=b"{}")
    two = EmbeddingsAnswer(vectors=([2.0],), usage=Usage(input_tokens=3))
    both = joined([one, two])
    assert (both.vectors, both.usage, both.raw) == (([1.0], [2.0]), Usage(input_tokens=5), None)
    assert joined([one, EmbeddingsAnswer(vectors=([2.0],))]).usage is None


def every_call() -> list[tuple[str, str, OperationCall[Any]]]:
    calls: list[tuple[str, str, OperationCall[Any]]] = [(wire, name, embedding()) for wire, name in ALL]
    calls += [(wire, "cohere.rerank-v3-5:0", ranking()) for wire in ("openai_chat", "cohere_chat", "bedrock_converse")]
    return [*calls, ("openai_chat", "m-1", forwarded("moderation"))]


@pytest.mark.parametrize(("wire", "name", "call"), every_call(), ids=lambda value: getattr(value, "operation", value))
def test_any_bytes_are_an_answer_or_an_error_of_ours(wire: str, name: str, call: OperationCall[Any]) -> None:
    answers = [
        {"data": [{"index": 0, "embedding": [0.5]}], "model": "m", "usage": {"prompt_tokens": 1}},
        {"data": [{"index": 0, "embedding": "AAAAPw=="}], "model": "m"},
        {"embeddings": {"float": [[0.5]]}, "meta": {"billed_units": {"input_tokens": 1}}},
        {"embeddings": [{"values": [0.5]}], "usageMetadata": {"promptTokenCount": 1}},
        {"embedding": [0.5], "inputTextTokenCount": 1},
        {"results": [{"index": 0, "relevance_score": 0.5}], "usage": {"total_tokens": 1}},
    ]

    @settings(deadline=None, max_examples=200)
    @given(bodies(*answers), st.sampled_from(["", "5", "-1", "²"]))
    def check(body: bytes, tokens: str) -> None:
        writer = {"embeddings": openai_embeddings, "rerank": cohere_rerank}.get(call.operation, openai_forwarded)
        with suppress(WyeError):
            answer = does(wire, call.operation).parse(body, {"x-amzn-bedrock-input-token-count": tokens}, call)
            written = writer.render_answer(answer, call, model="p/m", request_id="r")
            assert call.operation == "moderation" or json.loads(written)

    assert does(wire, call.operation).build(call, Target(ModelInfo(id=name, provider="p")))
    check()
