"""Gemini's generateContent as clients speak it: what is asked comes in whole, what is answered goes out whole."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from tests.support.oracle import expect
from tests.support.recordings import Recording, recordings_for

from wye.core.content import (
    Audio,
    Citation,
    File,
    FunctionCall,
    Image,
    Message,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from wye.core.errors import InvalidRequestError, RateLimitError
from wye.core.request import Asked, ChatRequest, ToolChoice
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.surfaces import gemini
from wye.surfaces.gemini import array

ASKED = Asked(model="m", stream=False)


def chat(**members: Any) -> ChatRequest:
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], **members}
    return gemini.parse_request(json.dumps(body).encode(), ASKED).chat


def decoded(raw: Raw | None) -> Any:
    return json.loads(bytes(raw or b""))


def turns(*contents: Any) -> tuple[Message, ...]:
    return chat(contents=contents).messages


# --- Requests ---


@pytest.mark.parametrize("recording", recordings_for("gemini"))
def test_a_recorded_request_is_read_whole(recording: Recording) -> None:
    body = json.loads(recording.request_body)
    asked = gemini.parse_request(recording.request_body, Asked(model=recording.model, stream=recording.streamed)).chat
    said = [part["text"] for turn in body["contents"] for part in turn["parts"] if part.get("text")]
    read = [part.text for message in asked.messages for part in message.parts if isinstance(part, Text | Reasoning)]
    assert "".join(read) == "".join([*system_of(body), *said])
    tools = body.get("tools") or []
    declared = [
        function
        for tool in (tools if isinstance(tools, list) else [tools])
        for name, value in tool.items()
        if name in {"functionDeclarations", "function_declarations"}
        for function in value
    ]
    assert [tool.name for tool in asked.tools] <= [function["name"] for function in declared]
    assert asked.extra.keys() <= {"modelArmorConfig"}
    calls = [part for message in asked.messages for part in message.parts if isinstance(part, ToolCall)]
    results = [part for message in asked.messages for part in message.parts if isinstance(part, ToolResult)]
    assert {result.call_id for result in results} <= {call.id for call in calls}


def system_of(body: Any) -> list[str]:
    return [part["text"] for part in (body.get("systemInstruction") or {"parts": []})["parts"]]


def test_names_may_be_in_snake_case_and_single_items_stand_for_lists() -> None:
    camel = chat(
        systemInstruction={"parts": [{"text": "s"}]},
        contents=[{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "QUJD"}}]}],
        tools=[{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"a_b": 1}}]}],
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        generationConfig={"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 7, "includeThoughts": True}},
    )
    snake = chat(
        system_instruction={"parts": {"text": "s"}},
        contents={"role": "user", "parts": {"inline_data": {"mime_type": "image/png", "data": "QUJD"}}},
        tools={"function_declarations": {"name": "f", "parameters_json_schema": {"a_b": 1}}},
        tool_config={"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
        generation_config={"max_output_tokens": 5, "thinking_config": {"thinking_budget": 7, "include_thoughts": True}},
    )
    assert decoded(camel.tools[0].parameters) == decoded(snake.tools[0].parameters) == {"a_b": 1}
    assert camel.messages == snake.messages
    assert camel.tool_choice == snake.tool_choice == ToolChoice("named", "f")
    assert (camel.max_output_tokens, camel.reasoning_budget, camel.reasoning_summary) == (5, 7, "auto")
    assert (snake.max_output_tokens, snake.reasoning_budget, snake.reasoning_summary) == (5, 7, "auto")


def test_calls_without_ids_get_ones_that_stay_and_results_find_them() -> None:
    call = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}] * 2}
    results = [{"functionResponse": {"name": "f", "response": {"result": text}}} for text in ("x", "y")]
    first = turns({"parts": [{"text": "q"}]}, call, {"role": "user", "parts": results})
    again = turns({"parts": [{"text": "q"}]}, call, {"role": "user", "parts": results}, {"parts": [{"text": "more"}]})
    assert again[: len(first)] == first
    one, two = (part.id for part in first[1].parts if isinstance(part, ToolCall))
    assert one != two
    assert [message.parts for message in first[2:]] == [
        (ToolResult(call_id=one, parts=(Text("x"),)),),
        (ToolResult(call_id=two, parts=(Text("y"),)),),
    ]


def test_a_result_may_be_an_error_or_any_object() -> None:
    def result(response: Any) -> ToolResult:
        (message,) = turns(
            {"role": "user", "parts": [{"functionResponse": {"id": "1", "name": "f", "response": response}}]}
        )
        (part,) = message.parts
        assert isinstance(part, ToolResult)
        return part

    assert result({"error": "no"}) == ToolResult(call_id="1", parts=(Text("no"),), is_error=True)
    assert result({"output": {"a": 1}}).parts == (Text('{"a": 1}'),)
    assert result({"a": 1, "b": 2}).parts == (Text('{"a": 1, "b": 2}'),)


def test_media_are_read_as_what_they_are() -> None:
    (message,) = turns({
        "parts": [
            {"inlineData": {"mimeType": "audio/mpeg", "data": "QUJD"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "QU-_", "displayName": "a.pdf"}},
            {"fileData": {"mimeType": "image/png", "fileUri": "https://example.org/a.png"}},
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
        ]
    })  # fmt: skip
    assert message.parts == (
        Audio(data="QUJD", format="mp3"),
        File(data="QU+/", media_type="application/pdf", filename="a.pdf"),
        Image(url="https://example.org/a.png", media_type="image/png"),
        File(file_id="https://generativelanguage.googleapis.com/v1beta/files/abc"),
    )


def test_hosted_tools_and_what_google_ran_keep_their_words() -> None:
    asked = chat(
        tools=[{"googleSearch": {}}, {"codeExecution": {}, "urlContext": {}}],
        contents=[{"role": "model", "parts": [{"executableCode": {"code": "1"}, "thoughtSignature": "c2ln"}]}],
    )
    assert [tool.kind for tool in asked.hosted_tools] == ["web_search", "code_execution", "url_context"]
    (part,) = asked.messages[0].parts
    assert isinstance(part, Opaque)
    assert decoded(part.raw) == {"executableCode": {"code": "1"}, "thoughtSignature": "c2ln"}


def test_googles_schema_becomes_a_json_schema() -> None:
    own = {
        "type": "OBJECT",
        "properties": {
            "a": {"type": "STRING", "nullable": True, "enum": ["x"], "format": "enum"},
            "b": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "2"},
        },
        "propertyOrdering": ["a", "b"],
    }
    form = chat(generationConfig={"responseMimeType": "application/json", "responseSchema": own}).response_format
    assert form is not None
    assert decoded(form.schema) == {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"], "enum": ["x", None]},
            "b": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        },
    }


def test_what_few_wires_have_is_never_lost() -> None:
    asked = chat(
        safetySettings=[{"category": "c"}],
        cachedContent="cachedContents/x",
        labels={"team": "a"},
        generationConfig={"speechConfig": {"a": 1}, "responseLogprobs": True, "logprobs": 3, "candidateCount": 2},
        ours=1,
    )
    assert asked.options.keys() == {
        "safetySettings", "cachedContent", "metadata", "generationConfig.speechConfig", "logprobs", "top_logprobs",
    }  # fmt: skip
    assert asked.n == 2
    assert asked.extra == {"ours": Raw(b"1")}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"role": "robot", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
        ({"contents": []}, "contents"),
        ({"generationConfig": {"temperature": "warm"}}, "generationConfig.temperature"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}, "toolConfig.functionCallingConfig.mode"),
    ],
)
def test_an_error_names_the_member_at_fault(members: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        chat(**members)
    assert (caught.value.param or "").replace("[...]", "[0]") == param


NAMES = st.sampled_from([
    "contents", "parts", "role", "text", "thought", "thoughtSignature", "functionCall", "functionResponse", "name",
    "args", "response", "inlineData", "inline_data", "fileData", "mimeType", "data", "tools", "functionDeclarations",
    "function_declarations", "parameters", "generationConfig", "generation_config", "thinkingConfig", "toolConfig",
    "responseSchema", "systemInstruction", "system_instruction", "executableCode", "type", "nullable", "enum",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=6), JSON)
def test_any_json_is_read_or_refused(body: dict[str, Any], contents: Any) -> None:
    data = json.dumps({**body, "contents": contents}).encode(errors="replace")
    with suppress(InvalidRequestError):
        assert gemini.parse_request(data, ASKED).chat.model == "m"


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        gemini.parse_request(body, ASKED)


# --- Answers ---


USAGE = Usage(input_tokens=10, output_tokens=7, reasoning_tokens=2, cache_read_tokens=3, audio_input_tokens=4)
ANSWER = Choice(
    content="See the source.",
    reasoning=(Reasoning(text="hm", signature="abc=", origin="anthropic_messages"),),
    tool_calls=(ToolCall("c1", FunctionCall("f", '{"a": 1.0}')), ToolCall("c2", FunctionCall("g", ""))),
    citations=(Citation(url="https://a.example", title="A", start=4, end=14),),
    opaque=(Opaque(wire="openai_responses", raw=Raw(b'{"type":"compaction"}')),),
    finish_reason="tool_calls",
)


def whole(choice: Choice, usage: Usage | None = USAGE) -> Any:
    response = ModelResponse(id="r1", choices=(choice,), usage=usage)
    call = gemini.parse_request(b'{"contents":[{}]}', ASKED)
    return json.loads(gemini.render_response(response, call, model="p/m", request_id="req"))


def test_an_answer_says_all_there_is() -> None:
    told = whole(ANSWER)
    (candidate,) = told["candidates"]
    parts = candidate["content"]["parts"]
    assert parts[2:] == [
        {"text": "See the source."},
        {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1.0}}},
        {"functionCall": {"id": "c2", "name": "g", "args": {}}},
    ]
    assert candidate["finishReason"] == "STOP"
    assert candidate["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 4, "endIndex": 14, "text": "the source"}, "groundingChunkIndices": [0]}
        ],
    }
    assert told["usageMetadata"] == {
        "promptTokenCount": 10,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 2,
        "cachedContentTokenCount": 3,
        "totalTokenCount": 17,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 6}, {"modality": "AUDIO", "tokenCount": 4}],
    }
    assert (told["modelVersion"], told["responseId"]) == ("p/m", "r1")


def test_what_another_wire_wants_back_survives_a_gemini_client() -> None:
    parts = whole(ANSWER)["candidates"][0]["content"]["parts"]
    (message,) = turns({"role": "model", "parts": parts})
    reasoning, opaque, *_ = message.parts
    assert reasoning == ANSWER.reasoning[0]
    assert opaque == ANSWER.opaque[0]


def test_broken_arguments_have_a_reason_of_their_own() -> None:
    told = whole(Choice(tool_calls=(ToolCall("c", FunctionCall("f", '{"a": ')),), finish_reason="tool_calls"))
    (candidate,) = told["candidates"]
    assert candidate["finishReason"] == "MALFORMED_FUNCTION_CALL"
    assert candidate["content"]["parts"] == [{"text": ""}]


def pieces(choice: Choice, cut: int) -> list[ChoiceDelta]:
    """Say a choice in pieces of `cut` characters, as adapters do."""

    def cuts(text: str) -> list[str]:
        return [text[at : at + cut] for at in range(0, len(text), cut)]

    out = [ChoiceDelta(reasoning=piece) for piece in choice.reasoning]
    out += [ChoiceDelta(opaque=(part,)) for part in choice.opaque]
    out += [ChoiceDelta(content=text) for text in cuts(choice.content or "")]
    out += [ChoiceDelta(citations=choice.citations)]
    for index, call in enumerate(choice.tool_calls):
        out.append(ChoiceDelta(tool_calls=(ToolCallDelta(index=index, id=call.id, name=call.name),)))
        more = (ToolCallDelta(index=index, arguments=text) for text in cuts(call.arguments))
        out += [ChoiceDelta(tool_calls=(piece,)) for piece in more]
    return [*out, ChoiceDelta(finish_reason=choice.finish_reason)]


@pytest.mark.parametrize("surface", [gemini, array], ids=["events", "array"])
@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_a_stream_says_what_a_whole_answer_says(surface: Any, cut: int) -> None:
    writer = surface.open_stream(surface.parse_request(b'{"contents":[{}]}', ASKED), request_id="req")
    writer.model = "p/m"
    chunks = [StreamChunk(choices=(piece,), id="r1") for piece in pieces(ANSWER, cut)]
    out = b"".join(writer.render([chunk]) for chunk in [*chunks, StreamChunk(usage=USAGE)])
    body = out + writer.comment("nothing") + writer.end()
    once = whole(ANSWER)
    assert expect("gemini", body, streamed=True) == expect("gemini", json.dumps(once).encode(), streamed=False)
    said = json.loads(body) if surface is array else [json.loads(line[6:]) for line in body.split(b"\r\n") if line]
    assert sum("finishReason" in candidate for item in said for candidate in item["candidates"]) == 1
    last = said[-1]["candidates"][0]
    assert last["groundingMetadata"]["groundingChunks"] == [{"web": {"uri": "https://a.example", "title": "A"}}]
    assert said[-1]["usageMetadata"] == once["usageMetadata"]


def test_a_call_that_gets_its_empty_object_behind_another_is_one_call() -> None:
    writer = gemini.open_stream(gemini.parse_request(b'{"contents":[{}]}', ASKED), request_id="req")
    begun = [ToolCallDelta(index=0, id="c1", name="f"), ToolCallDelta(index=1, id="c2", name="g", arguments="{")]
    ends = [ToolCallDelta(index=1, arguments='"a":1}'), ToolCallDelta(index=0, arguments="{}")]
    deltas = [*(ChoiceDelta(tool_calls=(piece,)) for piece in (*begun, *ends)), ChoiceDelta(finish_reason="tool_calls")]
    out = b"".join(writer.render([StreamChunk(choices=(delta,), id="r1")]) for delta in deltas)
    said = [json.loads(line[6:]) for line in (out + writer.end()).split(b"\r\n") if line]
    parts = [part for item in said for one in item["candidates"] for part in one["content"]["parts"]]
    assert [part["functionCall"] for part in parts if "functionCall" in part] == [
        {"id": "c1", "name": "f", "args": {}},
        {"id": "c2", "name": "g", "args": {"a": 1}},
    ]


def test_an_error_is_in_googles_envelope_with_our_code() -> None:
    error = json.loads(gemini.render_error(RateLimitError("slow down", retry_after=1.5)))["error"]
    assert (error["code"], error["status"], error["message"]) == (429, "RESOURCE_EXHAUSTED", "slow down")
    assert error["details"][0]["reason"] == "rate_limit_exceeded"
    assert error["details"][1]["retryDelay"] == "1.5s"
