"""Every recorded answer is read as an oracle reads its bytes, and every recorded refusal is an error of ours."""

import base64
import json
import struct
from decimal import Decimal

import pytest
from tests.adapters.operations.calls import embedding, forwarded, ranking
from tests.support.recorded_operations import COUNTS, Kind, Recorded, parameters, read, recorded
from tests.support.recordings import needs_recordings

from wye.adapters import Operator, _operations, built_in, load
from wye.adapters import __name__ as package
from wye.core.errors import WyeError
from wye.core.operations import EmbeddingsAnswer, ForwardedAnswer, RerankAnswer
from wye.surfaces import cohere_rerank, openai_embeddings


def parser(one: Recorded) -> Operator:
    module = _operations(one.wire)
    assert module is not None, f"{package}.operations.{one.wire}"
    kind = one.kind if one.kind != "images" else "forwarded"
    return Operator(getattr(module, f"build_{kind}"), getattr(module, f"parse_{kind}"))


@pytest.mark.parametrize("one", parameters("embeddings"))
def test_recorded_embeddings_are_read_to_the_last_number(one: Recorded) -> None:
    expected = read(one)
    call = embedding()
    answer = parser(one).parse(one.recording.response_body, one.recording.response_headers, call)
    assert isinstance(answer, EmbeddingsAnswer)
    assert [list(vector) for vector in answer.vectors] == expected.vectors
    assert (answer.usage.input_tokens if answer.usage else None) == expected.input_tokens


@pytest.mark.parametrize("one", parameters("embeddings"))
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_recorded_embeddings_reach_a_client_in_the_encoding_it_asked_for(one: Recorded, encoding: str) -> None:
    expected = read(one)
    call = embedding(raw=True, encoding_format=encoding)
    answer = parser(one).parse(one.recording.response_body, one.recording.response_headers, call)
    written = json.loads(openai_embeddings.render_answer(answer, call, model="p/m", request_id="r"))
    rows = [row["embedding"] for row in written["data"]]
    assert written["model"] == "p/m"
    assert all(isinstance(row, str) == (encoding == "base64") for row in rows)
    seen = [values(row) for row in rows]
    assert expected.vectors is not None
    assert len(seen) == len(expected.vectors)
    for ours, theirs in zip(seen, expected.vectors, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-9)
    assert (written["usage"] or {}).get("prompt_tokens") == expected.input_tokens


def values(row: str | list[float]) -> list[float]:
    if isinstance(row, list):
        return row
    data = base64.b64decode(row)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


@pytest.mark.parametrize("one", parameters("rerank"))
def test_recorded_rankings_are_read_and_written_as_they_are(one: Recorded) -> None:
    expected = read(one)
    call = ranking()
    answer = parser(one).parse(one.recording.response_body, one.recording.response_headers, call)
    assert isinstance(answer, RerankAnswer)
    assert [(row.index, row.relevance_score) for row in answer.results] == expected.ranking
    assert answer.usage is not None
    assert (answer.usage.input_tokens or None, answer.usage.search_requests or None) == (
        expected.input_tokens,
        expected.searches,
    )
    written = json.loads(cohere_rerank.render_answer(answer, call, model="p/m", request_id="r"))
    assert [(row["index"], row["relevance_score"]) for row in written["results"]] == expected.ranking


@pytest.mark.parametrize("one", parameters("images"))
def test_recorded_pictures_pass_and_are_counted_or_priced_as_told(one: Recorded) -> None:
    document = json.loads(one.recording.response_body)
    answer = parser(one).parse(
        one.recording.response_body, one.recording.response_headers, forwarded("image_generation")
    )
    assert isinstance(answer, ForwardedAnswer)
    assert answer.body == one.recording.response_body
    assert answer.usage is not None
    if "usage" in document:
        assert answer.usage.reported_cost == Decimal(document["usage"]["cost_in_usd_ticks"]) / 10**10
    else:
        assert answer.usage.images == len(document["data"])


@pytest.mark.parametrize("one", [case for kind in COUNTS for case in parameters(kind, errors=True)])
def test_a_recorded_refusal_is_an_error_with_the_provider_s_words(one: Recorded) -> None:
    if one.wire not in built_in():
        pytest.skip(f"the wire format {one.wire} is not here yet")
    recording = one.recording
    error = load(one.wire).parse_error(recording.status, recording.response_headers, recording.response_body)
    assert isinstance(error, WyeError)
    document = json.loads(recording.response_body)
    said = document["error"]["message"] if "error" in document else document["message"]
    assert said in error.message


@needs_recordings
@pytest.mark.parametrize("kind", list(COUNTS))
def test_there_are_as_many_recordings_as_a_skipped_test_says(kind: Kind) -> None:
    statuses = [one.recording.status for one in recorded() if one.kind == kind]
    assert (sum(s < 400 for s in statuses), sum(s >= 400 for s in statuses)) == COUNTS[kind]
