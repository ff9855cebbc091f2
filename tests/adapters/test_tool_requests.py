"""What tools, their calls, their results and the reasoning around them become in each wire."""

import json
from typing import Any

import pytest
from msgspec import structs
from tests.adapters.wires import ABLE, PLAIN, build, call_of, conversation, request_of

from wye.adapters import Target, load
from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.content import FunctionCall, Message, Text, ToolCall, ToolResult
from wye.core.errors import InvalidRequestError, UnsupportedParameterError
from wye.core.request import Call, ChatRequest

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
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def tool_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


CALLS = {
    "role": "assistant",
    "tool_calls": [tool_call("c.1", "weather", '{"city": "Bonn"}'), tool_call("c2", "time", "")],
}
RESULT = (ToolResult(call_id="c1", parts=(Text("rain"),)),)
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


@pytest.mark.parametrize("wire", ["ollama_chat", "cohere_chat"])
def test_a_failed_tool_is_said_in_words_where_the_wire_has_no_member_for_it(wire: str) -> None:
    asked = Message(role="assistant", parts=(ToolCall("c1", FunctionCall("weather", "{}")),))
    failed = Message(role="tool", parts=(ToolResult(call_id="c1", parts=(Text("no net"),), is_error=True),))
    request = load(wire).build_request(chat_call(asked, failed), Target(ABLE))
    assert json.loads(request.body)["messages"][-1]["content"] == "Error: no net"
    assert request.emulated == ("messages[1].is_error",)
    well = load(wire).build_request(chat_call(asked, structs.replace(failed, parts=RESULT)), Target(ABLE))
    assert json.loads(well.body)["messages"][-1]["content"] == "rain"
    assert well.emulated == ()


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


# --- Tools by model ---


def test_a_provider_whose_models_do_not_all_take_tools_is_sent_them_only_for_those_that_do() -> None:
    traits = WireTraits(tools_by_model=True)
    call = call_of({"tools": [WEATHER]})
    assert "tools" in json.loads(load("ollama_chat").build_request(call, Target(ABLE, traits)).body)
    with pytest.raises(UnsupportedParameterError, match="function-calling") as raised:
        load("ollama_chat").build_request(call, Target(PLAIN, traits))
    assert raised.value.param == "tools"
    request = load("ollama_chat").build_request(call_of({"tools": [WEATHER]}, drop=True), Target(PLAIN, traits))
    assert "tools" not in json.loads(request.body)
    assert request.dropped == ("tools",)
