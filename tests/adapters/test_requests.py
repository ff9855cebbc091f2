"""What each feature of a request becomes in each wire."""

import json
from typing import Any

import pytest
from tests.adapters.wires import ABLE, PLAIN, build, call_of, conversation, request_of

from wye.adapters import Target, load
from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.errors import InvalidRequestError, UnsupportedParameterError
from wye.surfaces.openai_chat import parse_request

OTHER_WIRES = ("anthropic_messages", "gemini", "ollama_chat")
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


# --- The same wire ---


def test_the_same_wire_keeps_every_byte_but_the_models_name() -> None:
    body = b'{"model": "asked", "messages":[{"role":"user","content":"\\u00e9"}],  "vendor_thing": {"a": 1.50} }'
    request = load("openai_chat").build_request(parse_request(body), Target(ABLE))
    assert request.body == body.replace(b'"asked"', b'"able-1"')
    assert (request.path, request.dropped, request.emulated) == ("/chat/completions", (), ())


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, {"include_usage": True}),
        ({"stream_options": None}, {"include_usage": True}),
        ({"stream_options": {"include_usage": False}}, {"include_usage": True}),
        ({"stream_options": {"include_obfuscation": False}}, {"include_obfuscation": False, "include_usage": True}),
        ({"stream_options": {"include_usage": True, "other": 1}}, {"include_usage": True, "other": 1}),
    ],
)
def test_the_same_wire_asks_for_usage_on_every_stream(sent: dict[str, Any], expected: dict[str, Any]) -> None:
    assert build("openai_chat", {"stream": True, **sent})["stream_options"] == expected


def test_a_provider_that_always_tells_usage_is_not_asked() -> None:
    target = Target(ABLE, WireTraits(stream_usage="always", chat_path="/v2/chat"))
    request = load("openai_chat").build_request(call_of({"stream": True}), target)
    assert "stream_options" not in json.loads(request.body)
    assert request.path == "/v2/chat"


# --- Paths and streams ---


@pytest.mark.parametrize(
    ("wire", "stream", "path"),
    [
        ("anthropic_messages", True, "/messages"),
        ("gemini", False, "/models/able-1:generateContent"),
        ("gemini", True, "/models/able-1:streamGenerateContent?alt=sse"),
        ("ollama_chat", True, "/api/chat"),
    ],
)
def test_a_request_goes_to_the_wires_own_path(wire: str, stream: bool, path: str) -> None:  # noqa: FBT001
    assert request_of(wire, {"stream": stream}).path == path


@pytest.mark.parametrize("wire", ["openai_chat", *OTHER_WIRES])
def test_an_alias_goes_out_as_the_caller_wrote_it(wire: str) -> None:
    request = load(wire).build_request(call_of({}), Target(ABLE, alias="able-1-0915"))
    assert "able-1-0915" in (request.path if wire == "gemini" else json.loads(request.body)["model"])


def test_a_models_name_cannot_leave_its_place_in_geminis_path() -> None:
    assert request_of("gemini", {}, ModelInfo(id="a/../b?c")).path == "/models/a%2F..%2Fb%3Fc:generateContent"


def test_ollama_is_told_when_not_to_stream_because_it_would() -> None:
    assert build("ollama_chat", {})["stream"] is False
    assert build("ollama_chat", {"stream": True})["stream"] is True


# --- Messages ---


def test_system_text_in_the_middle_moves_to_the_front_where_the_wire_knows_no_other_place() -> None:
    body = {
        "messages": [{"role": "system", "content": "a"}, user("b"), {"role": "developer", "content": "c"}, user("d")]
    }
    anthropic, gemini = (request_of(wire, body) for wire in ("anthropic_messages", "gemini"))
    assert json.loads(anthropic.body)["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "c"}]
    assert json.loads(anthropic.body)["messages"] == [
        user([{"type": "text", "text": "b"}, {"type": "text", "text": "d"}])
    ]
    assert json.loads(gemini.body)["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "c"}]}
    assert json.loads(gemini.body)["contents"] == [{"role": "user", "parts": [{"text": "b"}, {"text": "d"}]}]
    assert anthropic.emulated == gemini.emulated == ("messages[2].role",)


def test_ollama_takes_system_text_anywhere() -> None:
    messages = [user("a"), {"role": "developer", "content": "b"}]
    assert conversation("ollama_chat", *messages)["messages"] == [user("a"), {"role": "system", "content": "b"}]


def test_gemini_gets_an_empty_turn_where_there_is_only_system_text() -> None:
    body = conversation("gemini", {"role": "system", "content": "a"})
    assert body["contents"] == [{"role": "user", "parts": [{"text": ""}]}]


def test_an_image_in_system_text_is_refused_by_its_place() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    with pytest.raises(UnsupportedParameterError) as raised:
        conversation("gemini", {"role": "system", "content": [image]})
    assert raised.value.param == "messages[0].content[0]"


@pytest.mark.parametrize("blank", ["", " ", "\n\t "])
def test_anthropic_gets_no_blank_text(blank: str) -> None:
    parts = [{"type": "text", "text": blank}, {"type": "text", "text": " a "}]
    turns = [user(parts), {"role": "assistant", "content": blank}, user("b")]
    body = conversation("anthropic_messages", {"role": "system", "content": blank}, *turns)
    assert "system" not in body
    assert body["messages"] == [user([{"type": "text", "text": " a "}, {"type": "text", "text": "b"}])]


def test_text_parts_become_one_text_for_ollama() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert conversation("ollama_chat", user(parts))["messages"] == [user("a\nb")]


def test_a_refusal_of_an_earlier_turn_is_text_elsewhere() -> None:
    refused = {"role": "assistant", "refusal": "no", "content": None}
    assert conversation("anthropic_messages", user("a"), refused)["messages"][1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "no"}],
    }
    assert conversation("gemini", user("a"), refused)["contents"][1] == {"role": "model", "parts": [{"text": "no"}]}
    assert conversation("ollama_chat", user("a"), refused)["messages"][1] == {"role": "assistant", "content": "no"}


# --- Images, audio, files ---

PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
PHOTO = {"type": "image_url", "image_url": {"url": "https://example.org/photo.webp?size=2"}}
PDF = {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}}


def test_anthropic_takes_images_as_data_and_as_addresses() -> None:
    (message,) = conversation("anthropic_messages", user([PNG, PHOTO]))["messages"]
    assert message["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.org/photo.webp?size=2"}},
    ]


def test_gemini_takes_images_as_data_and_as_addresses_with_a_type_guessed_from_their_path() -> None:
    nameless = {"type": "image_url", "image_url": {"url": "gs://bucket/thing"}}
    (content,) = conversation("gemini", user([PNG, PHOTO, nameless]))["contents"]
    assert content["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "QUJD"}},
        {"fileData": {"mimeType": "image/webp", "fileUri": "https://example.org/photo.webp?size=2"}},
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://bucket/thing"}},
    ]


def test_ollama_takes_images_as_data_only() -> None:
    (message,) = conversation("ollama_chat", user([{"type": "text", "text": "a"}, PNG]))["messages"]
    assert message == {"role": "user", "content": "a", "images": ["QUJD"]}
    with pytest.raises(UnsupportedParameterError) as raised:
        conversation("ollama_chat", user([PNG, PHOTO]))
    assert raised.value.param == "messages[0].content[1].image_url"


def test_audio_goes_to_gemini_and_is_refused_elsewhere() -> None:
    audio = user([{"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}])
    (content,) = conversation("gemini", audio)["contents"]
    assert content["parts"] == [{"inlineData": {"mimeType": "audio/wav", "data": "QUJD"}}]
    for wire in ("anthropic_messages", "ollama_chat"):
        with pytest.raises(UnsupportedParameterError) as raised:
            conversation(wire, audio)
        assert raised.value.param == "messages[0].content[0]"


def test_files_go_as_data_address_or_the_providers_own_id() -> None:
    linked = {"type": "file", "file": {"file_data": "https://example.org/b.pdf"}}
    stored = {"type": "file", "file": {"file_id": "files/abc", "filename": "c.txt"}}
    (content,) = conversation("gemini", user([PDF, linked, stored]))["contents"]
    assert content["parts"] == [
        {"inlineData": {"mimeType": "application/pdf", "data": "QUJD"}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.org/b.pdf"}},
        {"fileData": {"mimeType": "text/plain", "fileUri": "files/abc"}},
    ]
    (message,) = conversation("anthropic_messages", user([PDF, linked]))["messages"]
    assert [block["source"]["type"] for block in message["content"]] == ["base64", "url"]


# --- The form of the answer ---


def test_a_json_schema_is_said_natively_where_the_model_can() -> None:
    body = {"response_format": JSON_SCHEMA}
    closed = SCHEMA | {"additionalProperties": False}  # which that wire insists on
    assert build("anthropic_messages", body)["output_config"] == {"format": {"type": "json_schema", "schema": closed}}
    assert build("gemini", body)["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }
    assert build("ollama_chat", body)["format"] == SCHEMA


@pytest.mark.parametrize("wire", ["anthropic_messages", "gemini"])
@pytest.mark.parametrize("form", [JSON_SCHEMA, {"type": "json_object"}])
def test_a_model_without_a_switch_for_json_is_asked_in_words_and_that_is_reported(wire: str, form: Any) -> None:
    request = request_of(wire, {"response_format": form}, PLAIN)
    assert request.emulated == ("response_format",)
    assert b"valid JSON object" in request.body or b'\\"a\\": {\\"type\\": \\"integer\\"}' in request.body


def test_json_of_any_shape_is_a_switch() -> None:
    body = {"response_format": {"type": "json_object"}}
    assert build("gemini", body)["generationConfig"] == {"responseMimeType": "application/json"}
    assert build("ollama_chat", body)["format"] == "json"


# --- Sampling and limits ---

SAMPLING = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 100, "stop": ["END"]}
MORE_SAMPLING = {"seed": 7, "presence_penalty": 0.1, "frequency_penalty": 0.2}


def test_sampling_parameters_have_their_names_in_each_wire() -> None:
    anthropic = build("anthropic_messages", SAMPLING)
    assert {name: anthropic[name] for name in ("temperature", "top_p", "max_tokens", "stop_sequences")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 100,
        "stop_sequences": ["END"],
    }
    assert build("gemini", {**SAMPLING, **MORE_SAMPLING, "n": 2})["generationConfig"] == {
        "temperature": 0.5,
        "topP": 0.9,
        "maxOutputTokens": 100,
        "stopSequences": ["END"],
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "candidateCount": 2,
    }
    assert build("ollama_chat", {**SAMPLING, **MORE_SAMPLING})["options"] == {
        "num_predict": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
    }


def test_nothing_is_said_of_what_the_caller_left_open() -> None:
    assert set(build("gemini", {})) == {"contents"}
    assert set(build("ollama_chat", {})) == {"model", "messages", "stream"}
    assert set(build("anthropic_messages", {})) == {"model", "messages", "max_tokens"}


def test_log_probabilities_are_asked_for_in_each_wires_words() -> None:
    body = {"logprobs": True, "top_logprobs": 3}
    assert build("gemini", body)["generationConfig"] == {"responseLogprobs": True, "logprobs": 3}
    assert {name: build("ollama_chat", body)[name] for name in body} == body


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        ("anthropic_messages", {"seed": 7}),
        ("anthropic_messages", {"n": 2}),
        ("anthropic_messages", {"frequency_penalty": 0.2}),
        ("gemini", {"logit_bias": {"1": 2}}),
        ("ollama_chat", {"n": 2}),
        ("ollama_chat", {"verbosity": "low"}),
    ],
)
def test_what_a_wire_cannot_say_is_refused_by_name_unless_the_caller_lets_go_of_it(
    wire: str, body: dict[str, Any]
) -> None:
    (name,) = body
    with pytest.raises(UnsupportedParameterError) as raised:
        build(wire, body)
    assert raised.value.param == name
    request = request_of(wire, body, drop=True)
    assert request.dropped == (name,)
    assert f'"{name}"'.encode() not in request.body


@pytest.mark.parametrize("wire", ["gemini", "ollama_chat"])
def test_what_does_not_change_the_answer_is_left_out_and_reported(wire: str) -> None:
    assert request_of(wire, {"user": "u1", "metadata": {"a": "b"}}).dropped == ("user", "metadata")


def test_cache_marks_travel_with_their_parts_to_anthropic_and_stay_behind_elsewhere() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    body = {
        "messages": [user([{"type": "text", "text": "long", "cache_control": mark}])],
        "tools": [{"type": "function", "function": {"name": "time"}, "cache_control": mark}],
    }
    anthropic = build("anthropic_messages", body)
    assert anthropic["messages"][0]["content"][0]["cache_control"] == mark
    assert anthropic["tools"][0]["cache_control"] == mark
    for wire in ("gemini", "ollama_chat"):
        assert "cache_control" not in json.dumps(build(wire, body))


# --- What the caller's wire does not define ---


@pytest.mark.parametrize("wire", OTHER_WIRES)
def test_members_nobody_knows_travel_along_untouched(wire: str) -> None:
    assert request_of(wire, {"vendor_thing": {"a": [1, None]}}).body.endswith(b'"vendor_thing":{"a": [1, null]}}')


def test_members_of_geminis_own_configuration_win_over_ours() -> None:
    own = {"generationConfig": {"temperature": 1, "mediaResolution": "MEDIA_RESOLUTION_LOW"}, "top_k": 5}
    assert build("gemini", {"temperature": 0.5, "seed": 7, **own})["generationConfig"] == {
        "temperature": 1,
        "seed": 7,
        "topK": 5,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    }


def test_members_of_ollamas_own_options_win_over_ours() -> None:
    own = {"options": {"temperature": 1, "numa": True}, "num_ctx": 8192, "keep_alive": "5m"}
    body = build("ollama_chat", {"temperature": 0.5, **own})
    assert body["options"] == {"temperature": 1, "num_ctx": 8192, "numa": True}
    assert body["keep_alive"] == "5m"
    assert "num_ctx" not in body


@pytest.mark.parametrize(("wire", "name"), [("gemini", "generationConfig"), ("ollama_chat", "options")])
def test_a_wires_own_configuration_must_be_an_object(wire: str, name: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        build(wire, {name: [1]})
    assert raised.value.param == name
