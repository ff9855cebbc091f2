"""What each feature of a request becomes in each wire."""

import json
from typing import Any

import pytest
from tests.adapters.wires import ABLE, PLAIN, build, call_of, conversation, request_of

from wye.adapters import Target, load
from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.content import FunctionCall, Message, Text, ToolCall, ToolResult
from wye.core.errors import InvalidRequestError, UnsupportedParameterError
from wye.core.request import Call, ChatRequest
from wye.surfaces.openai_chat import parse_request

OTHER_WIRES = ("anthropic_messages", "gemini", "ollama_chat")
GEMINI_2 = ModelInfo(id="gemini-2.5-flash", capabilities=frozenset({"text", "reasoning"}))
GEMINI_3 = ModelInfo(id="gemini-3-pro-preview", capabilities=frozenset({"text", "reasoning"}))
ADAPTIVE = ModelInfo(id="adaptive-1", capabilities=frozenset({"text", "reasoning", "adaptive-thinking"}))

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
TIME = {"type": "function", "function": {"name": "time"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def tool_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


CALLS = {
    "role": "assistant",
    "tool_calls": [tool_call("c.1", "weather", '{"city": "Bonn"}'), tool_call("c2", "time", "")],
}
RESULTS = (
    {"role": "tool", "tool_call_id": "c.1", "content": "rain"},
    {"role": "tool", "tool_call_id": "c2", "content": "noon"},
)


def chat_call(*messages: Message) -> Call:
    """Make a call of what no OpenAI request can say, such as a failed tool."""
    return Call(
        wire="elsewhere",
        body=b"{}",
        model="m",
        decode=lambda _: ChatRequest(model="m", messages=messages),
    )


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


# --- Tools ---


def test_tools_keep_their_json_schema() -> None:
    body = {"tools": [WEATHER, TIME]}
    schema = WEATHER["function"]["parameters"]  # type: ignore[index]
    assert [tool["input_schema"] for tool in build("anthropic_messages", body)["tools"]] == [
        schema,
        {"type": "object", "properties": {}},
    ]
    assert build("gemini", body)["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "description": "Tells the weather.", "parametersJsonSchema": schema},
                {"name": "time"},
            ]
        }
    ]
    assert build("ollama_chat", body)["tools"] == [
        WEATHER,
        {"type": "function", "function": {"name": "time", "parameters": {"type": "object", "properties": {}}}},
    ]


@pytest.mark.parametrize(
    ("choice", "anthropic", "gemini"),
    [
        ("auto", {"type": "auto"}, None),
        ("none", {"type": "none"}, {"mode": "NONE"}),
        ("required", {"type": "any"}, {"mode": "ANY"}),
        (
            {"type": "function", "function": {"name": "time"}},
            {"type": "tool", "name": "time"},
            {"mode": "ANY", "allowedFunctionNames": ["time"]},
        ),
    ],
)
def test_the_choice_of_a_tool_has_its_words_in_each_wire(choice: Any, anthropic: Any, gemini: Any) -> None:
    body = {"tools": [WEATHER, TIME], "tool_choice": choice}
    assert build("anthropic_messages", body)["tool_choice"] == anthropic
    assert build("gemini", body).get("toolConfig", {}).get("functionCallingConfig") == gemini


def test_ollama_has_no_choice_of_tools_but_can_do_without_any() -> None:
    request = request_of("ollama_chat", {"tools": [WEATHER], "tool_choice": "none"})
    assert "tools" not in json.loads(request.body)
    assert request.emulated == ("tool_choice",)
    named = {"type": "function", "function": {"name": "weather"}}
    for choice in ("required", named):
        body = {"tools": [WEATHER], "tool_choice": choice}
        with pytest.raises(UnsupportedParameterError) as raised:
            build("ollama_chat", body)
        assert raised.value.param == "tool_choice"
        request = request_of("ollama_chat", body, drop=True)
        assert "tools" in json.loads(request.body)
        assert request.dropped == ("tool_choice",)


def test_one_call_at_a_time_is_said_where_it_can_be_and_parallel_calls_are_what_every_wire_makes() -> None:
    assert build("anthropic_messages", {"tools": [TIME], "parallel_tool_calls": False})["tool_choice"] == {
        "type": "auto",
        "disable_parallel_tool_use": True,
    }
    for wire in ("gemini", "ollama_chat"):
        assert request_of(wire, {"tools": [TIME], "parallel_tool_calls": True}).dropped == ()
        assert request_of(wire, {"parallel_tool_calls": False}).dropped == ()
        with pytest.raises(UnsupportedParameterError, match="'parallel_tool_calls' cannot be expressed"):
            build(wire, {"tools": [TIME], "parallel_tool_calls": False})


def test_anthropic_gets_parallel_results_in_one_turn_under_ids_it_accepts() -> None:
    messages = conversation("anthropic_messages", user("a"), CALLS, *RESULTS)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert [(block["id"], block["input"]) for block in messages[1]["content"]] == [
        ("c_1", {"city": "Bonn"}),
        ("c2", {}),
    ]
    assert messages[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c_1", "content": [{"type": "text", "text": "rain"}]},
        {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "noon"}]},
    ]


def test_gemini_gets_parallel_results_in_one_turn_under_the_names_of_their_functions() -> None:
    contents = conversation("gemini", user("a"), CALLS, *RESULTS, user("b"))["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    assert contents[1]["parts"][0]["functionCall"] == {"id": "c.1", "name": "weather", "args": {"city": "Bonn"}}
    assert contents[2]["parts"] == [
        {"functionResponse": {"id": "c.1", "name": "weather", "response": {"result": "rain"}}},
        {"functionResponse": {"id": "c2", "name": "time", "response": {"result": "noon"}}},
        {"text": "b"},
    ]


def test_ollama_gets_each_result_as_a_message_that_names_its_call_and_function() -> None:
    messages = conversation("ollama_chat", user("a"), CALLS, *RESULTS)["messages"]
    assert messages[1] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "c.1", "function": {"name": "weather", "arguments": {"city": "Bonn"}}},
            {"id": "c2", "function": {"name": "time", "arguments": {}}},
        ],
    }
    assert messages[2:] == [
        {"role": "tool", "content": "rain", "tool_call_id": "c.1", "tool_name": "weather"},
        {"role": "tool", "content": "noon", "tool_call_id": "c2", "tool_name": "time"},
    ]


def test_a_failed_tool_says_so_and_its_images_follow() -> None:
    asked = Message(role="assistant", parts=(ToolCall("c1", FunctionCall("weather", "{}")),))
    failed = Message(role="tool", parts=(ToolResult(call_id="c1", parts=(Text("no net"),), is_error=True),))
    call = chat_call(asked, failed)
    anthropic = json.loads(load("anthropic_messages").build_request(call, Target(ABLE)).body)
    assert anthropic["messages"][1]["content"][0]["is_error"] is True
    gemini = json.loads(load("gemini").build_request(call, Target(ABLE)).body)
    assert gemini["contents"][1]["parts"][0]["functionResponse"]["response"] == {"error": "no net"}


def test_an_image_a_tool_returned_follows_its_result_in_gemini() -> None:
    result = {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "see"}, PNG]}
    parts = conversation("gemini", user("a"), CALLS, result)["contents"][2]["parts"]
    assert parts == [
        {"functionResponse": {"id": "c2", "name": "time", "response": {"result": "see"}}},
        {"inlineData": {"mimeType": "image/png", "data": "QUJD"}},
    ]


def test_gemini_refuses_a_result_to_which_no_call_is_known() -> None:
    with pytest.raises(InvalidRequestError) as raised:
        conversation("gemini", user("a"), {"role": "tool", "tool_call_id": "c9", "content": "x"})
    assert raised.value.param == "messages[1].tool_call_id"


@pytest.mark.parametrize("wire", OTHER_WIRES)
def test_arguments_that_are_no_object_are_refused_and_null_is_none(wire: str) -> None:
    none = {"role": "assistant", "tool_calls": [tool_call("c1", "time", "null")]}
    assert '"null"' not in json.dumps(conversation(wire, user("a"), none))
    broken = {"role": "assistant", "tool_calls": [tool_call("c1", "time", '{"a": ')]}
    with pytest.raises(InvalidRequestError, match="not a JSON object") as raised:
        conversation(wire, user("a"), broken)
    assert (raised.value.param or "").startswith("messages[1]")


# --- Reasoning ---

SIGNED = {
    "role": "assistant",
    "content": "so",
    "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "c2ln"}],
}


def test_signed_reasoning_goes_back_to_where_it_can_be_checked() -> None:
    thought, text = conversation("anthropic_messages", user("a"), SIGNED)["messages"][1]["content"]
    assert thought == {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    assert text == {"type": "text", "text": "so"}
    assert conversation("gemini", user("a"), SIGNED)["contents"][1]["parts"] == [
        {"text": "so", "thoughtSignature": "c2ln"}
    ]
    assert conversation("ollama_chat", user("a"), SIGNED)["messages"][1] == {
        "role": "assistant",
        "content": "so",
        "thinking": "hm",
    }


def test_a_signature_without_text_gets_an_empty_part_of_its_own() -> None:
    silent = {"role": "assistant", "reasoning_details": SIGNED["reasoning_details"]}
    assert conversation("gemini", user("a"), silent)["contents"][1]["parts"] == [
        {"text": "", "thoughtSignature": "c2ln"}
    ]


def test_unsigned_reasoning_stays_behind_where_the_wire_refuses_it() -> None:
    thinking = {"role": "assistant", "content": "so", "reasoning_content": "hm"}
    assert conversation("anthropic_messages", user("a"), thinking)["messages"][1]["content"] == [
        {"type": "text", "text": "so"}
    ]
    assert conversation("gemini", user("a"), thinking)["contents"][1]["parts"] == [{"text": "so"}]


def test_redacted_reasoning_goes_back_to_anthropic() -> None:
    redacted = {"role": "assistant", "reasoning_details": [{"type": "reasoning.encrypted", "data": "xyz"}]}
    assert conversation("anthropic_messages", user("a"), redacted)["messages"][1]["content"] == [
        {"type": "redacted_thinking", "data": "xyz"}
    ]


def test_the_signature_of_a_call_goes_back_with_it() -> None:
    signed = {**CALLS, "reasoning_details": [{"type": "reasoning.encrypted", "id": "c.1", "data": "c2ln"}]}
    parts = conversation("gemini", user("a"), signed)["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == ["c2ln", None]


def test_gemini_3_is_told_when_a_call_was_never_signed() -> None:
    body = {"messages": [user("a"), CALLS, *RESULTS]}
    signatures = {
        model.id: [part.get("thoughtSignature") for part in build("gemini", body, model)["contents"][1]["parts"]]
        for model in (GEMINI_2, GEMINI_3)
    }
    assert signatures == {
        "gemini-2.5-flash": [None, None],
        "gemini-3-pro-preview": ["c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=", None],
    }


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        (GEMINI_2, "none", {"thinkingBudget": 0, "includeThoughts": False}),
        (GEMINI_2, "low", {"thinkingBudget": 1024, "includeThoughts": True}),
        (GEMINI_2, "xhigh", {"thinkingBudget": 24576, "includeThoughts": True}),
        (GEMINI_3, "none", {"thinkingLevel": "low", "includeThoughts": False}),
        (GEMINI_3, "medium", {"thinkingLevel": "medium", "includeThoughts": True}),
        (GEMINI_3, "xhigh", {"thinkingLevel": "high", "includeThoughts": True}),
        (PLAIN, "none", None),
    ],
)
def test_gemini_thinks_by_budget_and_from_its_third_generation_by_level(
    model: ModelInfo, effort: str, expected: Any
) -> None:
    config = build("gemini", {"reasoning_effort": effort}, model).get("generationConfig", {})
    assert config.get("thinkingConfig") == expected


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [(ABLE, "none", False), (ABLE, "low", True), (ADAPTIVE, "minimal", "low"), (ADAPTIVE, "medium", "medium")],
)
def test_ollama_thinks_or_not_and_by_level_where_the_model_has_levels(
    model: ModelInfo, effort: str, expected: Any
) -> None:
    assert build("ollama_chat", {"reasoning_effort": effort}, model)["think"] == expected


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        (ABLE, "none", {"type": "disabled"}),
        (ABLE, "high", {"type": "enabled", "budget_tokens": 16384}),
        (ADAPTIVE, "high", {"type": "adaptive"}),
    ],
)
def test_anthropic_thinks_by_budget_or_adaptively(model: ModelInfo, effort: str, expected: Any) -> None:
    body = build("anthropic_messages", {"reasoning_effort": effort}, model)
    assert body["thinking"] == expected
    assert body["max_tokens"] > expected.get("budget_tokens", 0)


# --- The form of the answer ---


def test_a_json_schema_is_said_natively_where_the_model_can() -> None:
    body = {"response_format": JSON_SCHEMA}
    assert build("anthropic_messages", body)["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
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
        "tools": [{**TIME, "cache_control": mark}],
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
