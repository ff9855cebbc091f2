"""What is peculiar to Converse: the makers' own words, blocks without a start, frames that are errors."""

import json
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from tests.adapters.converse import check_converse
from tests.adapters.observed import observe_stream, whole
from tests.adapters.wires import call_of
from tests.support.frames import event, exception, frame
from tests.support.oracle import Expected, ExpectedChoice, ExpectedToolCall, ExpectedUsage

from wye.adapters import Target, load
from wye.catalog import load as load_catalog
from wye.catalog.schema import ModelInfo
from wye.core.content import FunctionCall as Function
from wye.core.content import Image, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from wye.core.errors import (
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    MalformedResponseError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    ProviderPermissionError,
    QuotaExceededError,
    RateLimitError,
    StreamInterruptedError,
    UnsupportedParameterError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.core.request import Call, ChatRequest, HostedTool
from wye.core.response import StreamChunk
from wye.core.wire import ServerEvent, StreamState, WireRequest
from wye.transport.framing import decoder

BEDROCK = load("bedrock_converse")
CATALOG = load_catalog()
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PNG = "iVBORw0KGgo="


def model(name: str) -> ModelInfo:
    return CATALOG.find("bedrock", name) or ModelInfo(id=name, provider="bedrock")


def request(body: dict[str, Any], name: str = CLAUDE, *, drop: bool = False) -> WireRequest:
    return BEDROCK.build_request(call_of(body, drop=drop), Target(model(name)))


def built(body: dict[str, Any], name: str = CLAUDE, *, drop: bool = False) -> Any:
    made = json.loads(request(body, name, drop=drop).body)
    check_converse(made)
    return made


def said_by(chat: ChatRequest, name: str = CLAUDE) -> tuple[Any, WireRequest]:
    call = Call(wire="test", body=b"", model=name, decode=lambda _: chat)
    made = BEDROCK.build_request(call, Target(model(name)))
    body = json.loads(made.body)
    check_converse(body)
    return body, made


def talk(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages, **more)


def user(*parts: Any) -> Message:
    return Message(role="user", parts=parts)


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
USED: list[dict[str, Any]] = [
    {"role": "user", "content": "go"},
    {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": '{"a": 1}'}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "x"},
]

# --- Paths ---


@pytest.mark.parametrize(
    "name",
    [
        CLAUDE,
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
        "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_models_id_is_one_quoted_step_of_the_path(name: str, stream: object) -> None:
    path = request({"stream": stream}, name).path
    _, where, quoted, method = path.split("/")
    assert (where, unquote(quoted), method) == ("model", name, "converse-stream" if stream else "converse")


def test_a_short_name_becomes_the_profiles_id() -> None:
    path = BEDROCK.build_request(call_of({}), Target(model("claude-sonnet-4-5"))).path
    assert path == "/model/global.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"


# --- Messages ---


def test_system_text_stands_apart_and_turns_of_one_role_are_joined() -> None:
    body = built(
        {
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "a"},
                {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "  "}]},
                {"role": "developer", "content": "late"},
            ]
        }
    )
    assert body["system"] == [{"text": "be brief"}, {"text": "late"}]
    assert body["messages"] == [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]


def test_a_tools_call_and_its_result_find_each_other_whatever_their_id() -> None:
    long = "call:" + "x" * 80
    messages = [
        USED[0],
        {**USED[1], "tool_calls": [{"id": long, "function": {"name": "f", "arguments": ""}}]},
        {**USED[2], "tool_call_id": long},
    ]
    _, calls, results = built({"messages": messages, "tools": [TOOL]})["messages"]
    use, result = calls["content"][0]["toolUse"], results["content"][0]["toolResult"]
    assert use["input"] == {}
    assert use["toolUseId"] == result["toolUseId"]
    assert len(use["toolUseId"]) <= 64


def test_a_result_that_is_an_error_says_so_and_may_hold_pictures() -> None:
    result = ToolResult(call_id="c1", parts=(Text("no"), Image(data=PNG)), is_error=True)
    body, _ = said_by(
        talk(
            user(Text("go")),
            Message(role="assistant", parts=(ToolCall("c1", Function("f", "{}")),)),
            Message(role="tool", parts=(result,)),
        )
    )
    (block,) = body["messages"][2]["content"]
    picture = {"image": {"format": "png", "source": {"bytes": PNG}}}
    assert block == {"toolResult": {"toolUseId": "c1", "content": [{"text": "no"}, picture], "status": "error"}}


def test_mistrals_models_get_results_as_objects() -> None:
    name = "mistral.mistral-large-3-675b-instruct"
    body = built({"messages": [*USED[:2], {**USED[2], "content": '{"b": 2}'}], "tools": [TOOL]}, name)
    assert body["messages"][2]["content"][0]["toolResult"]["content"] == [{"json": {"b": 2}}]
    body = built({"messages": USED, "tools": [TOOL]}, name)
    assert body["messages"][2]["content"][0]["toolResult"]["content"] == [{"json": {"result": "x"}}]


def file(media_type: str, name: str | None = None) -> dict[str, Any]:
    inner = {"file_data": f"data:{media_type};base64,QUJD"} | ({"filename": name} if name else {})
    return {"type": "file", "file": inner}


def test_documents_get_names_the_wire_takes_each_its_own_and_text_beside_them() -> None:
    parts = [
        file("application/pdf", "my report_(v2).final.pdf"),
        file("text/csv", "a.csv"),
        file("text/plain", "a.txt"),
    ]
    content = built({"messages": [{"role": "user", "content": parts}]})["messages"][0]["content"]
    named = [(block["document"]["format"], block["document"]["name"]) for block in content if "document" in block]
    assert named == [("pdf", "my report (v2) final"), ("csv", "a"), ("txt", "a-2")]
    assert "text" in content[-1]


def test_a_video_is_a_video_and_what_has_no_form_is_refused() -> None:
    content = built({"messages": [{"role": "user", "content": [file("video/mp4")]}]})["messages"][0]["content"]
    assert content == [{"video": {"format": "mp4", "source": {"bytes": "QUJD"}}}]
    with pytest.raises(UnsupportedParameterError) as raised:
        built({"messages": [{"role": "user", "content": [file("application/zip")]}]})
    assert raised.value.param == "messages[0].content[0].file"


def test_pictures_go_by_data_or_from_s3_and_by_no_other_address() -> None:
    def picture(url: str) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}

    (block,) = built(picture("s3://bucket/a.webp"))["messages"][0]["content"]
    assert block == {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a.webp"}}}}
    with pytest.raises(UnsupportedParameterError) as raised:
        built(picture("https://example.org/a.png"))
    assert raised.value.param == "messages[0].content[0].image_url"


def test_only_thoughts_of_this_wire_go_back() -> None:
    signed = Reasoning(text="hm", signature="c2ln", origin="bedrock_converse")
    redacted = Reasoning(encrypted="QUJD", origin="bedrock_converse")
    foreign = Reasoning(text="hm", signature="c2ln", origin="gemini")
    plain = Reasoning(text="hm")
    opaque = Opaque(wire="bedrock_converse", raw=Raw(b'{"toolUse":{"toolUseId":"t","name":"n","input":{}}}'))
    strange = Opaque(wire="anthropic_messages", raw=Raw(b"{}"))
    parts = (signed, redacted, foreign, plain, opaque, strange, Text("a"))
    body, made = said_by(talk(user(Text("go")), Message(role="assistant", parts=parts)))
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "QUJD"}},
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {}}},
        {"text": "a"},
    ]
    assert made.dropped == ("messages[1].content[2]", "messages[1].content[3]", "messages[1].content[5]")


@pytest.mark.parametrize("origin", ["anthropic_messages", "anthropic-claude-v1"])
def test_claude_takes_what_it_signed_elsewhere_and_no_other_model_does(origin: str) -> None:
    signed = Reasoning(text="hm", signature="c2ln", origin=origin)
    said = talk(user(Text("go")), Message(role="assistant", parts=(signed, Text("a"))))
    body, made = said_by(said)
    assert body["messages"][1]["content"][0] == {
        "reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}
    }
    assert not made.dropped
    body, made = said_by(said, "us.amazon.nova-2-lite-v1:0")
    assert body["messages"][1]["content"] == [{"text": "a"}]
    assert made.dropped == ("messages[1].content[0]",)


# --- Caching ---

MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}


def test_marks_become_cache_points() -> None:
    hour = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = built(
        {
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "s", **MARK}]},
                {"role": "user", "content": [{"type": "text", "text": "a", **hour}, {"type": "text", "text": "b"}]},
            ],
            "tools": [{**TOOL, **MARK}],
        }
    )
    point = {"cachePoint": {"type": "default"}}
    assert body["system"] == [{"text": "s"}, point]
    assert body["messages"][0]["content"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["toolConfig"]["tools"][1] == point


def test_a_model_without_cache_points_gets_none_and_the_caller_hears_of_it() -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", **MARK}]}]}
    made = request(body, "meta.llama3-1-8b-instruct-v1:0")
    assert b"cachePoint" not in made.body
    assert made.dropped == ("cache_control",)
    tools = {**body, "tools": [{**TOOL, **MARK}]}
    assert request(tools, "amazon.nova-lite-v1:0").dropped == ("tools[].cache_control",)


# --- Tools ---


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("auto", None),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "f"}}, {"tool": {"name": "f"}}),
    ],
)
def test_tool_choice(choice: Any, said: Any) -> None:
    assert built({"tools": [TOOL], "tool_choice": choice})["toolConfig"].get("toolChoice") == said


def test_tools_nobody_may_call_are_left_away_unless_the_conversation_has_calls() -> None:
    assert "toolConfig" not in built({"tools": [TOOL], "tool_choice": "none"})
    made = request({"messages": USED, "tools": [TOOL], "tool_choice": "none"})
    assert json.loads(made.body)["toolConfig"]["tools"]
    assert made.emulated == ("tool_choice",)


def test_a_conversation_with_calls_has_tools_even_where_the_caller_named_none() -> None:
    made = request({"messages": USED})
    body = json.loads(made.body)
    check_converse(body)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f"]
    assert "tools" in made.emulated


def test_one_call_at_a_time_is_said_in_anthropics_words_and_refused_elsewhere() -> None:
    body = built({"tools": [TOOL], "parallel_tool_calls": False, "tool_choice": "required"})
    assert body["additionalModelRequestFields"]["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    with pytest.raises(UnsupportedParameterError, match="parallel_tool_calls"):
        built({"tools": [TOOL], "parallel_tool_calls": False}, "amazon.nova-lite-v1:0")


def test_tools_the_provider_runs_are_named_where_a_model_has_them() -> None:
    hosted = HostedTool(kind="code_execution", wire="openai_responses", raw=Raw(b"{}"))
    body, _ = said_by(talk(user(Text("go")), hosted_tools=(hosted,)), "us.amazon.nova-2-lite-v1:0")
    assert body["toolConfig"]["tools"] == [{"systemTool": {"name": "nova_code_interpreter"}}]
    with pytest.raises(UnsupportedParameterError) as raised:
        said_by(talk(user(Text("go")), hosted_tools=(hosted,)))
    assert raised.value.param == "tools.code_execution"


# --- The form of the answer, reasoning, and the makers' own words ---

SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}}


def test_a_schema_is_native_where_a_model_can_and_else_an_instruction() -> None:
    native = built({"response_format": SCHEMA})["outputConfig"]["textFormat"]
    assert native["type"] == "json_schema"
    assert json.loads(native["structure"]["jsonSchema"]["schema"]) == {"type": "object"}
    made = request({"response_format": SCHEMA}, "meta.llama3-1-8b-instruct-v1:0")
    assert made.emulated == ("response_format",)
    assert "JSON schema" in json.loads(made.body)["system"][0]["text"]


def thinking(effort: str, name: str, **more: Any) -> tuple[Any, Any]:
    body = built({"reasoning_effort": effort, **more}, name)
    return body.get("additionalModelRequestFields"), body.get("inferenceConfig")


def test_effort_is_said_in_the_makers_words() -> None:
    assert thinking("low", CLAUDE) == (
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"maxTokens": 1024 + 4096},
    )
    adaptive = {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}}
    assert thinking("high", "us.anthropic.claude-sonnet-4-6") == (adaptive, None)
    nova = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}
    assert thinking("xhigh", "us.amazon.nova-2-lite-v1:0") == (nova, None)
    assert thinking("minimal", "openai.gpt-oss-120b-1:0") == ({"reasoning_effort": "low"}, None)
    assert thinking("high", "qwen.qwen3-32b-v1:0") == ({"reasoning_config": "high"}, None)
    assert thinking("none", CLAUDE) == ({"thinking": {"type": "disabled"}}, None)
    assert request({"reasoning_effort": "high"}, "us.deepseek.r1-v1:0").dropped == ("reasoning_effort",)
    with pytest.raises(UnsupportedParameterError, match="reasoning_effort"):
        built({"reasoning_effort": "high"}, "meta.llama3-1-8b-instruct-v1:0")


def test_a_budget_stands_below_the_limit_of_the_whole_answer() -> None:
    body, _ = said_by(talk(user(Text("go")), reasoning_budget=2000, max_output_tokens=1500))
    assert body["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 2000
    assert body["inferenceConfig"]["maxTokens"] == 3500
    with pytest.raises(UnsupportedParameterError, match="reasoning_budget"):
        said_by(talk(user(Text("go")), reasoning_budget=2000), "meta.llama3-1-8b-instruct-v1:0")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (CLAUDE, {"top_k": 5}),
        ("amazon.nova-lite-v1:0", {"inferenceConfig": {"topK": 5}}),
        ("cohere.command-r-v1:0", {"k": 5}),
    ],
)
def test_top_k_is_the_models_own(name: str, said: Any) -> None:
    body, _ = said_by(talk(user(Text("go")), top_k=5), name)
    assert body["additionalModelRequestFields"] == said
    assert built({"top_k": 5}, name)["additionalModelRequestFields"] == said


def test_limits_and_the_wires_own_members() -> None:
    guard = {"guardrailIdentifier": "g1", "guardrailVersion": "1"}
    body = built({
        "max_tokens": 10, "temperature": 0.5, "top_p": 0.9, "stop": ["x"], "service_tier": "flex",
        "guardrailConfig": guard, "additionalModelRequestFields": {"anthropic_beta": ["b"]},
    })  # fmt: skip
    assert body["inferenceConfig"] == {"maxTokens": 10, "temperature": 0.5, "topP": 0.9, "stopSequences": ["x"]}
    assert body["serviceTier"] == {"type": "flex"}
    assert body["guardrailConfig"] == guard
    assert body["additionalModelRequestFields"] == {"anthropic_beta": ["b"]}


def test_what_only_the_callers_own_wire_knows_is_left_out_and_told() -> None:
    body, made = said_by(
        talk(user(Text("go")), extra={"safetySettings": Raw(b"[]"), "serviceTier": Raw(b'{"type":"flex"}')})
    )
    assert "additionalModelRequestFields" not in body
    assert made.dropped == ("safetySettings",)
    assert built({"anthropic_beta": ["b"]})["additionalModelRequestFields"] == {"anthropic_beta": ["b"]}


@pytest.mark.parametrize("name", ["seed", "n", "logprobs", "presence_penalty"])
def test_what_the_wire_cannot_say_is_refused_by_name_or_left_out_with_leave(name: str) -> None:
    value = True if name == "logprobs" else 2
    with pytest.raises(UnsupportedParameterError) as raised:
        built({name: value})
    assert raised.value.param == name
    assert request({name: value}, drop=True).dropped == (name,)


# --- Answers: a stream says what the whole answer says ---

WHOLE: dict[str, Any] = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm so", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": "QUJD"}},
                {"text": "Hé "},
                {
                    "citationsContent": {
                        "content": [{"text": "there"}],
                        "citations": [
                            {
                                "title": "doc",
                                "sourceContent": [{"text": "src"}],
                                "location": {"documentPage": {"documentIndex": 0, "start": 3, "end": 4}},
                            },
                            {"title": "web", "location": {"web": {"url": "https://a.example/", "domain": "a.example"}}},
                        ],
                    }
                },
                {"toolUse": {"toolUseId": "s1", "name": "python", "type": "server_tool_use", "input": {"c": 1}}},
                {"toolResult": {"toolUseId": "s1", "type": "r", "status": "success", "content": [{"json": {"o": 1}}]}},
                {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"a": 1}}},
                {"toolUse": {"toolUseId": "c2", "name": "g", "input": {}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 3, "outputTokens": 7, "totalTokens": 20, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 6,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 5}, {"ttl": "5m", "inputTokens": 1}],
    },
    "metrics": {"latencyMs": 1},
}  # fmt: skip


def delta(index: int, **piece: Any) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": piece, "p": "abcdef"})


def start(index: int, **begun: Any) -> bytes:
    return event("contentBlockStart", {"contentBlockIndex": index, "start": begun, "p": "ab"})


def stop(index: int) -> bytes:
    return event("contentBlockStop", {"contentBlockIndex": index, "p": "a"})


CITED: Any = WHOLE["output"]["message"]["content"][3]["citationsContent"]["citations"]
STREAM = [
    event("messageStart", {"role": "assistant"}),
    delta(0, reasoningContent={"text": "hm"}),
    delta(0, reasoningContent={"text": " so"}),
    delta(0, reasoningContent={"signature": "c2ln"}),
    stop(0),
    delta(1, reasoningContent={"redactedContent": "QUJD"}),
    stop(1),
    delta(2, text="Hé"),
    delta(2, text=" "),
    stop(2),
    delta(3, citation=CITED[0]),
    delta(3, citation=CITED[1]),
    delta(3, text="there"),
    stop(3),
    start(4, toolUse={"toolUseId": "s1", "name": "python", "type": "server_tool_use"}),
    delta(4, toolUse={"input": '{"c"'}),
    delta(4, toolUse={"input": ":1}"}),
    stop(4),
    start(5, toolResult={"toolUseId": "s1", "type": "r", "status": "success"}),
    delta(5, toolResult=[{"json": {"o": 1}}]),
    stop(5),
    start(6, toolUse={"toolUseId": "c1", "name": "f"}),
    delta(6, toolUse={"input": '{"a":'}),
    delta(6, toolUse={"input": " 1}"}),
    stop(6),
    start(7, toolUse={"toolUseId": "c2", "name": "g"}),
    delta(7, toolUse={"input": ""}),
    stop(7),
    event("messageStop", {"stopReason": "tool_use"}),
    event("metadata", {"usage": WHOLE["usage"], "metrics": {"latencyMs": 1}}),
]


def events(*frames: bytes) -> list[ServerEvent]:
    return decoder("eventstream").feed(b"".join(frames))


def said_in(data: bytes) -> list[StreamChunk]:
    """Read one frame as the first of a stream."""
    (only,) = events(data)
    return list(BEDROCK.parse_event(only, StreamState()))


def test_a_stream_says_what_the_whole_answer_says() -> None:
    response = BEDROCK.parse_response(json.dumps(WHOLE).encode())
    expected = Expected(
        [
            ExpectedChoice(
                text="Hé there",
                reasoning="hm so",
                tool_calls=[ExpectedToolCall("c1", "f", {"a": 1}), ExpectedToolCall("c2", "g", {})],
                finish_reason="tool_calls",
            )
        ],
        ExpectedUsage(13, 7, cache_read_tokens=4, cache_write_tokens=6),
    )
    assert whole(response) == expected
    assert observe_stream(BEDROCK, events(*STREAM)) == expected
    assert response.usage
    assert response.usage.cache_write_1h_tokens == 5


def test_signatures_citations_and_what_only_this_wire_knows_come_whole_and_streamed() -> None:
    (choice,) = BEDROCK.parse_response(json.dumps(WHOLE).encode()).choices
    state = StreamState()
    pieces = [c for e in events(*STREAM) for chunk in BEDROCK.parse_event(e, state) for c in chunk.choices]
    assert state.done
    assert tuple(citation for piece in pieces for citation in piece.citations) == choice.citations
    first, second = choice.citations
    assert (first.title, first.cited_text, first.start, first.end, first.page) == ("doc", "src", 3, 8, 3)
    assert second.url == "https://a.example/"
    streamed = [json.loads(bytes(opaque.raw)) for piece in pieces for opaque in piece.opaque]
    assert streamed == [json.loads(bytes(opaque.raw)) for opaque in choice.opaque]
    assert [opaque.wire for opaque in choice.opaque] == ["bedrock_converse"] * 2
    thoughts = [piece.reasoning for piece in pieces if piece.reasoning]
    assert {thought.origin for thought in (*thoughts, *choice.reasoning)} == {"bedrock_converse"}
    assert [thought.signature for thought in thoughts if thought.signature] == ["c2ln"]
    assert [thought.encrypted for thought in thoughts if thought.encrypted] == ["QUJD"]


def test_what_an_answer_held_goes_back_as_it_was() -> None:
    (choice,) = BEDROCK.parse_response(json.dumps(WHOLE).encode()).choices
    parts: tuple[Part, ...] = (*choice.reasoning, *choice.opaque, *choice.tool_calls)
    body, _ = said_by(talk(user(Text("go")), Message(role="assistant", parts=parts)), "us.amazon.nova-2-lite-v1:0")
    kept = [block for block in WHOLE["output"]["message"]["content"] if not {"text", "citationsContent"} & set(block)]
    assert body["messages"][1]["content"] == kept


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("tool_use", "tool_calls"), ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"), ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"), ("malformed_tool_use", "length"), ("brand_new", "stop"),
    ],
)  # fmt: skip
def test_stop_reasons(reason: str, finish: str) -> None:
    assert BEDROCK.parse_response(json.dumps({**WHOLE, "stopReason": reason}).encode()).finish_reason == finish
    (chunk,) = said_in(event("messageStop", {"stopReason": reason}))
    assert chunk.finish_reason == finish


def test_a_stream_is_done_with_usage_and_not_before() -> None:
    state = StreamState()
    for each in events(*STREAM[:-1]):
        assert not state.done
        list(BEDROCK.parse_event(each, state))
    assert state.finish_seen
    assert not state.done


def test_events_and_blocks_of_later_versions_are_passed_over() -> None:
    assert said_in(event("somethingNew", {"a": 1})) == []
    body = {**WHOLE, "output": {"message": {"content": [{"brandNew": {"a": 1}}, {"text": "x"}]}}}
    assert BEDROCK.parse_response(json.dumps(body).encode()).content == "x"


# --- Errors ---

NO_ACCESS = "You don't have access to the model with the specified model ID."
BAD_KEY = "Authentication failed: Please make sure your API Key is valid."
BAD_TOKEN = "The security token included in the request is invalid."
OLD_TOKEN = "The security token included in the request is expired"
OLD_MODEL = "This model version has reached the end of its life."
BROKE = {"message": "m", "originalStatusCode": 500, "originalMessage": "why"}
SLOW = "Too many requests, please wait before trying again."


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (400, "ValidationException", "The provided model identifier is invalid.", ProviderModelMissingError),
        (400, "ValidationException", "Input is too long for requested model.", ContextLengthError),
        (400, "ValidationException", "prompt is too long: 300000 tokens > 200000 maximum", ContextLengthError),
        (400, "ValidationException", "This model's maximum context length is 8192 tokens.", ContextLengthError),
        (
            400,
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn\u2019t supported. Retry with an inference profile.",
            ProviderModelMissingError,
        ),
        (400, "ValidationException", "This model doesn't support tool use.", UnsupportedParameterError),
        (400, "ValidationException", "Output blocked by content filtering policy", ContentFilteredError),
        (400, "ValidationException", "1 validation error detected: temperature", InvalidRequestError),
        (403, "AccessDeniedException", NO_ACCESS, ProviderPermissionError),
        (403, "AccessDeniedException", BAD_KEY, ProviderAuthenticationError),
        (403, "UnrecognizedClientException", BAD_TOKEN, ProviderAuthenticationError),
        (403, "ExpiredTokenException", OLD_TOKEN, ProviderAuthenticationError),
        (404, "ResourceNotFoundException", OLD_MODEL, ProviderModelMissingError),
        (408, "ModelTimeoutException", "Model timeout.", UpstreamTimeoutError),
        (424, "ModelErrorException", "The system encountered an unexpected error.", UpstreamError),
        (429, "ThrottlingException", SLOW, RateLimitError),
        (429, "ModelNotReadyException", "Model is not ready for inference.", OverloadedError),
        (400, "ServiceQuotaExceededException", "quota", QuotaExceededError),
        (500, "InternalServerException", "oops", UpstreamError),
        (503, "ServiceUnavailableException", "Bedrock is unable to process your request.", OverloadedError),
    ],
)  # fmt: skip
def test_an_error_is_told_by_its_header_or_its_body(
    status: int, kind: str, message: str, expected: type[WyeError]
) -> None:
    named = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    forms: list[tuple[Mapping[str, str], dict[str, str]]] = [
        (named, {"message": message}),
        ({}, {"__type": f"com.amazon.coral.service#{kind}", "Message": message}),
    ]
    for headers, body in forms:
        error = BEDROCK.parse_error(status, headers, json.dumps(body).encode())
        assert type(error) is expected
        assert error.upstream_status == status
        assert error.message == message


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"message": 1}', b"[]", b'{"message": null, "code": {}}'])
def test_an_error_without_words_is_told_by_its_status(body: bytes) -> None:
    error = BEDROCK.parse_error(503, {"retry-after": "3"}, body)
    assert type(error) is OverloadedError
    assert error.retry_after == 3
    assert "503" in error.message


def test_what_a_refused_signature_repeats_of_the_request_is_not_passed_on() -> None:
    said = "The request signature we calculated does not match.\n\nThe Canonical String:\nx-amz-security-token:secret"
    error = BEDROCK.parse_error(
        403, {"x-amzn-errortype": "InvalidSignatureException"}, json.dumps({"message": said}).encode()
    )
    assert type(error) is ProviderAuthenticationError
    assert "secret" not in error.message


@pytest.mark.parametrize(
    ("name", "payload", "expected"),
    [
        ("modelStreamErrorException", BROKE, UpstreamError),
        ("throttlingException", {"message": SLOW}, RateLimitError),
        ("internalServerException", {"message": "m"}, UpstreamError),
        ("serviceUnavailableException", {"message": "m"}, OverloadedError),
        ("validationException", {"message": "Input is too long for requested model."}, ContextLengthError),
        ("modelTimeoutException", {"message": "m"}, UpstreamTimeoutError),
    ],
)  # fmt: skip
def test_an_exception_inside_a_stream_is_an_error(name: str, payload: Any, expected: type[WyeError]) -> None:
    with pytest.raises(expected) as raised:
        said_in(exception(name, payload))
    assert type(raised.value) is expected
    assert ("why" in raised.value.message) == ("originalMessage" in payload)


def test_an_error_the_service_has_no_name_for_is_an_error_too() -> None:
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "it broke"}
    with pytest.raises(UpstreamError, match="it broke"):
        said_in(frame(b"", headers))


def test_an_error_in_an_answer_that_says_it_went_well() -> None:
    with pytest.raises(UpstreamError, match="oops"):
        BEDROCK.parse_response(b'{"message": "oops"}')
    with pytest.raises(MalformedResponseError, match="holds no message"):
        BEDROCK.parse_response(b'{"Output": {"__type": "UnknownOperationException"}, "Version": "1.0"}')


# --- Any bytes ---


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_answer_ends_in_values_or_an_error_of_ours(data: st.DataObject) -> None:
    body = bytearray(json.dumps(WHOLE).encode())
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 6))] = data.draw(
            st.sampled_from([b"null", b"[]", b"1.5", b'"', b"\xff", b"{}"])
        )
    with suppress(WyeError):
        BEDROCK.parse_response(bytes(body))


@given(st.lists(st.sampled_from(STREAM) | st.sampled_from([
    delta(6, toolUse={"input": "x"}), delta(4, toolUse={"input": "x"}), stop(4), stop(99), delta(5, toolResult=[1]),
    start(5, toolResult={}), event("contentBlockDelta", {"delta": None}), event("contentBlockStart", {"start": None}),
    event("metadata", {"usage": None}), event("metadata", {"usage": {"inputTokens": -1.5}}), event("messageStop", {}),
    event("contentBlockDelta", b"\xff"), event("contentBlockDelta", b"null"), event("contentBlockStop", b"[]"),
]), max_size=12))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_frames_in_any_order_end_in_values_or_an_error_of_ours(frames: list[bytes]) -> None:
    state = StreamState()
    with suppress(WyeError):
        for each in events(*frames):
            list(BEDROCK.parse_event(each, state))


# --- Frames ---


def test_a_broken_checksum_is_a_malformed_answer_as_soon_as_the_prelude_is_there() -> None:
    broken = bytearray(STREAM[0])
    broken[9] ^= 1
    with pytest.raises(MalformedResponseError, match="Checksum"):
        decoder("eventstream").feed(bytes(broken[:12]))
    broken = bytearray(STREAM[0])
    broken[-20] ^= 1
    with pytest.raises(MalformedResponseError, match="Checksum"):
        decoder("eventstream").feed(bytes(broken))


def test_a_frame_that_says_it_is_endless_is_refused_at_once() -> None:
    lengths = struct.pack(">II", 2**31, 10)
    with pytest.raises(MalformedResponseError):
        decoder("eventstream").feed(lengths + struct.pack(">I", zlib.crc32(lengths)))
    lengths = struct.pack(">II", 4, 0)
    with pytest.raises(MalformedResponseError):
        decoder("eventstream").feed(lengths + struct.pack(">I", zlib.crc32(lengths)))


def test_a_stream_cut_inside_a_frame_has_broken_off() -> None:
    reading = decoder("eventstream")
    assert len(reading.feed(STREAM[0] + STREAM[1][:-1])) == 1
    with pytest.raises(StreamInterruptedError):
        reading.close()
    reading = decoder("eventstream")
    reading.feed(STREAM[0])
    assert reading.close() == []


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_bytes_that_are_no_frames_end_in_an_error_of_ours(data: bytes) -> None:
    reading = decoder("eventstream")
    with suppress(WyeError):
        reading.feed(data)
        reading.close()
