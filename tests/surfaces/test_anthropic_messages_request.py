"""Messages requests are read in full, and what is wrong with one is named."""

import json
import re
from collections import Counter
from typing import Any

import pytest
from tests.support.recordings import load as recordings
from tests.support.recordings import needs_recordings

from wye.adapters import Target, load
from wye.catalog.schema import ModelInfo
from wye.core.content import File, Image, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from wye.core.errors import InvalidRequestError, UnsupportedParameterError, WyeError
from wye.core.request import Asked, ChatRequest, HostedTool, ToolChoice
from wye.core.sealed import Sealed, seal
from wye.surfaces.anthropic_messages import WIRE, parse_request

ABLE = ModelInfo(
    id="able-1",
    provider="acme",
    capabilities=frozenset({"text", "vision", "pdf", "function-calling", "json-mode", "json-schema", "reasoning"}),
)


def read(drop: bool = False, **members: Any) -> ChatRequest:  # noqa: FBT001, FBT002 - the header's own two values
    body = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}], **members}
    return parse_request(json.dumps(body).encode(), Asked(drop_unsupported=drop)).chat


def parts(*blocks: Any, role: str = "user", drop: bool = False) -> tuple[Part, ...]:
    chat = read(drop, messages=[{"role": role, "content": list(blocks)}])
    return tuple(part for message in chat.messages for part in message.parts)


def decoded(raw: Any) -> Any:
    return json.loads(raw if isinstance(raw, str) else bytes(raw))


def test_every_scalar_has_its_place() -> None:
    chat = read(
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        stop_sequences=["X"],
        metadata={"user_id": "u"},
        stream=True,
        system="Be brief.",
    )
    assert (chat.max_output_tokens, chat.temperature, chat.top_p, chat.top_k) == (10, 0.5, 0.9, 7)
    assert (chat.stop, chat.user, chat.stream) == (("X",), "u", True)
    assert [(message.role, message.text) for message in chat.messages] == [("system", "Be brief."), ("user", "hi")]


def test_a_user_too_long_for_other_wires_becomes_a_digest_that_is_always_the_same() -> None:
    first, again, other = (read(metadata={"user_id": name * 100}).user for name in ("a", "a", "b"))
    assert first == again != other
    assert len(str(first)) == 64


@pytest.mark.parametrize("name", ["claude-opus-4-8[1m]", "claude-opus-4-8"])
def test_the_wish_for_a_longer_context_is_no_part_of_a_models_name(name: str) -> None:
    body = {"model": name, "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
    call = parse_request(json.dumps(body).encode())
    assert call.model == "claude-opus-4-8"
    assert json.loads(load(WIRE).build_request(call, Target(ABLE)).body) == body | {"model": "able-1"}


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}},
            Image(data="QQ==", media_type="image/png"),
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}, Image(url="https://a/b.png")),
        (
            {
                "type": "document",
                "title": "T",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "Q"},
            },
            File(data="Q", media_type="application/pdf", filename="T"),
        ),
        (
            {"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}},
            File(url="https://a/b.pdf", media_type="application/pdf"),
        ),
        (
            {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
            Text("T\nwords"),
        ),
        (
            {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "inner"}]}},
            Text("inner"),
        ),
        (
            {
                "type": "search_result",
                "source": "https://s",
                "title": "T",
                "content": [{"type": "text", "text": "found"}],
            },
            Text("T\nhttps://s\nfound"),
        ),
    ],
)
def test_what_a_user_sends_becomes_a_part_that_every_wire_knows(block: Any, part: Part) -> None:
    assert parts(block) == (part,)


@pytest.mark.parametrize("kind", ["image", "document"])
def test_a_file_that_only_anthropic_has_is_refused_elsewhere_and_may_be_left_out(kind: str) -> None:
    block = {"type": kind, "source": {"type": "file", "file_id": "file_1"}}
    with pytest.raises(UnsupportedParameterError) as caught:
        parts(block)
    assert caught.value.param == "messages[0].content[0].source"
    (left,) = parts(block, drop=True)
    assert isinstance(left, Opaque)
    assert decoded(left.raw) == block


def test_results_of_tools_become_messages_of_their_own_before_the_rest_of_the_turn() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}}
    chat = read(
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "and?"},
                    {"type": "tool_result", "tool_use_id": "a", "content": "plain"},
                    {"type": "tool_result", "tool_use_id": "b", "is_error": True, "content": [image]},
                    {"type": "tool_result", "tool_use_id": "c"},
                ],
            }
        ]
    )
    assert [message.role for message in chat.messages] == ["tool", "tool", "tool", "user"]
    assert [part for message in chat.messages for part in message.parts] == [
        ToolResult(call_id="a", parts=(Text("plain"),)),
        ToolResult(call_id="b", parts=(Image(data="QQ==", media_type="image/png"),), is_error=True),
        ToolResult(call_id="c", parts=()),
        Text("and?"),
    ]


def test_a_models_own_turn_keeps_thoughts_calls_and_what_only_this_wire_knows() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    found = parts(
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "enc"},
        search,
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        role="assistant",
    )
    thought, hidden, opaque, call = found
    assert thought == Reasoning(text="hm", signature="sig", origin=WIRE)
    assert hidden == Reasoning(encrypted="enc", origin=WIRE)
    assert isinstance(opaque, Opaque)
    assert decoded(opaque.raw) == search
    assert isinstance(call, ToolCall)
    assert (call.id, call.name, decoded(call.arguments)) == ("t", "f", {"a": 1})


def test_what_another_wire_signed_comes_back_as_that_wires_own() -> None:
    found = parts(
        {"type": "thinking", "thinking": "hm", "signature": seal(Sealed(origin="gemini", signature="g1"))},
        {"type": "redacted_thinking", "data": seal(Sealed(origin="openai_responses", encrypted="e1", id="rs_1"))},
        {"type": "redacted_thinking", "data": seal(Sealed(origin="gemini", signature="g2", call_id="t"))},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        role="assistant",
    )
    assert found[0] == Reasoning(text="hm", signature="g1", origin="gemini")
    assert found[1] == Reasoning(encrypted="e1", id="rs_1", origin="openai_responses")
    (call,) = (part for part in found if isinstance(part, ToolCall))
    assert (call.signature, call.origin) == ("g2", "gemini")
    assert len(found) == 3


def test_what_another_wire_signed_does_not_go_to_anthropic() -> None:
    sealed = seal(Sealed(origin="gemini", signature="g1"))
    kept = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    cited = {"type": "web_search_result_location", "url": "u", "encrypted_index": "wye1."}
    body = {
        "model": "m",
        "max_tokens": 1,
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": sealed},
                    {"type": "text", "text": "so", "citations": [cited]},
                    kept,
                ],
            },
        ],
    }
    request = load(WIRE).build_request(parse_request(json.dumps(body).encode()), Target(ABLE))
    assert json.loads(request.body)["messages"][1]["content"] == [{"type": "text", "text": "so"}, kept]
    assert request.dropped == ("messages[1].content[0]",)


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto"}, ToolChoice("auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required"), False),
        ({"type": "none"}, ToolChoice("none"), None),
        ({"type": "tool", "name": "f"}, ToolChoice("named", "f"), None),
    ],
)
def test_every_choice_of_tools_is_understood(choice: Any, expected: ToolChoice, parallel: bool | None) -> None:  # noqa: FBT001 - the parameter's own values
    chat = read(tool_choice=choice)
    assert (chat.tool_choice, chat.parallel_tool_calls) == (expected, parallel)


@pytest.mark.parametrize(
    ("thinking", "effort", "budget", "summary"),
    [
        ({"type": "enabled", "budget_tokens": 2000}, None, 2000, "auto"),
        ({"type": "adaptive", "display": "omitted"}, None, None, "none"),
        ({"type": "disabled"}, "none", None, None),
    ],
)
def test_every_way_to_think_is_understood(thinking: Any, effort: Any, budget: Any, summary: Any) -> None:
    chat = read(thinking=thinking)
    assert (chat.reasoning_effort, chat.reasoning_budget, chat.reasoning_summary) == (effort, budget, summary)


def test_tools_are_functions_or_ones_that_anthropic_runs() -> None:
    odd = {
        "name": "odd",
        "input_schema": {"$schema": "x", "type": "object"},
        "defer_loading": True,
        "cache_control": {},
    }
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    chat = read(tools=[odd, {"type": "bash_20250124", "name": "bash"}, search, {"type": "mcp_toolset"}])
    assert [tool.name for tool in chat.tools] == ["odd", "bash"]
    assert decoded(chat.tools[0].parameters or b"") == odd["input_schema"]
    assert "command" in decoded(chat.tools[1].parameters or b"")["properties"]
    assert [(tool.kind, tool.wire) for tool in chat.hosted_tools] == [("web_search", WIRE), ("mcp_toolset", WIRE)]
    assert isinstance(chat.hosted_tools[0], HostedTool)
    assert decoded(chat.hosted_tools[0].raw) == search


@pytest.mark.parametrize("where", ["output_config", "output_format"])
def test_a_form_of_the_answer_is_a_schema(where: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    members: dict[str, Any] = {where: {"format": form} if where == "output_config" else form}
    chat = read(**members)
    assert chat.response_format is not None
    assert decoded(chat.response_format.schema or b"") == {"type": "object"}


def test_a_mark_on_the_whole_request_marks_its_last_text() -> None:
    chat = read(cache_control={"type": "ephemeral"})
    (text,) = chat.messages[-1].parts
    assert isinstance(text, Text)
    assert decoded(text.cache or b"") == {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"model": None}, "model", "invalid_type"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_field"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
        ({"max_tokens": "many"}, "max_tokens", "invalid_type"),
        ({"stop_sequences": "X"}, "stop_sequences", "invalid_type"),
    ],
)
def test_a_wrong_request_is_refused_at_once_by_the_members_name(members: Any, param: str, code: str) -> None:
    body = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}], **members}
    with pytest.raises(InvalidRequestError) as caught:
        parse_request(json.dumps(body).encode())
    assert (caught.value.param, caught.value.code) == (param, code)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]},
            "messages[0].content[0].tool_use_id",
        ),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": 5}]}, "tools[0].name"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice"),
        ({"thinking": {"type": "much"}}, "thinking.type"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
    ],
)
def test_what_is_wrong_further_in_is_named_when_another_wire_needs_it(members: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(**members)
    assert caught.value.param == param


# --- All recorded requests ---

REFUSED = {
    "container": "Anthropic's own sandbox, with what is in it",
    "mcp_servers": "servers of tools that Anthropic calls",
    "advisor": "a second model of Anthropic's that advises the first",
    "tool_search_tool": "Anthropic's search among tools",
    "web_fetch": "Anthropic's reading of pages",
    "web_search": "a wire or model without a search",
    "code_execution": "a wire or model that runs no code",
    "tools[].type": "a model that runs no tools of its own",
    "messages[].content[].image_url": "a provider that fetches nothing",
    "messages[].content[].file": "a wire without documents, or that fetches none",
    "messages[].content[]": "a wire without documents",
    "tool_choice": "a wire that cannot force a call",
    "stop": "a wire without stop sequences",
    "top_k": "a wire without it",
}
"""What recorded requests ask for that not every wire can say, and why."""

WIRES = ("bedrock_converse", "cohere_chat", "gemini", "ollama_chat", "openai_chat", "openai_responses")


@needs_recordings
@pytest.mark.parametrize("wire", WIRES)
def test_every_recorded_request_is_said_on_another_wire_or_refused_for_a_known_reason(wire: str) -> None:
    reasons: Counter[str] = Counter()
    said = 0
    for recording in recordings("anthropic_messages", status_ok=False):
        call = parse_request(recording.request_body)
        try:
            request = load(wire).build_request(call, Target(ABLE))
        except UnsupportedParameterError as error:
            reasons[_reason(error)] += 1
        else:
            said += 1
            assert recording.model not in json.loads(request.body).values()
    assert said > 150
    assert set(reasons) <= set(REFUSED), reasons


def _reason(error: WyeError) -> str:
    """Return a parameter without its numbers, a hosted tool without the date of its version."""
    param = re.sub(r"\d+", "", error.param or "unnamed")
    hosted = re.fullmatch(r"tools[.\[ (]+([a-z_]+?)_?(?:bm_)?[\])]*", param)
    return hosted[1] if hosted else param
