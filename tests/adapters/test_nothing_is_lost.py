"""What a caller asks for is sent, reported or refused by every wire; nothing is lost without a word."""

import json
from typing import Any

import pytest
from msgspec import Raw

from wye.adapters import Target, built_in, load
from wye.catalog.schema import Capability, ModelInfo
from wye.core.content import (
    Audio,
    File,
    FunctionCall,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wye.core.errors import UnsupportedParameterError
from wye.core.request import Asked, Call, ChatRequest, HostedTool, ResponseFormat, Tool, ToolChoice
from wye.core.wire import WireRequest

WIRES = sorted(built_in() - {"openai_completions"})
"""Every wire that chats; completions refuse a chat as a whole."""
_ALL: frozenset[Capability] = frozenset({
    "text", "vision", "audio", "pdf", "function-calling", "json-mode", "json-schema", "reasoning", "prompt-caching",
})  # fmt: skip
MODELS = {
    "able": ModelInfo(id="able-1", capabilities=_ALL, context_window=1000),
    "adaptive": ModelInfo(id="claude-able-5", capabilities=_ALL | {"adaptive-thinking"}, context_window=1000),
    "plain": ModelInfo(id="plain-1", capabilities=frozenset({"text", "function-calling"}), context_window=1000),
}
MARK = "c2VudGluZWw"  # base64, so that it may stand for data too
SCHEMA = Raw(b'{"type":"object","properties":{"sentinel":{"type":"string"}}}')
TOOL = Tool(name="f", description="Does it.", parameters=Raw(b'{"type":"object"}'))

MEMBERS: dict[str, Any] = {
    "tools": (TOOL,),
    "hosted_tools": (HostedTool(kind="web_search", wire="other", raw=Raw(b'{"type":"other_search"}')),),
    "tool_choice": ToolChoice("required"),
    "parallel_tool_calls": False,
    "response_format": ResponseFormat(type="json_schema", name="sentinel", schema=SCHEMA),
    "temperature": 0.3,
    "top_p": 0.4,
    "top_k": 7,
    "max_output_tokens": 99,
    "stop": ("zz",),
    "seed": 77,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.6,
    "reasoning_effort": "low",
    "reasoning_budget": 2048,
    "reasoning_summary": "detailed",
    "n": 2,
    "user": "somebody",
    "options": {"a_new_option": Raw(b"1")},
}
NOT_ASKED = {"model", "messages", "stream", "extra"}
"""The model and the stream are every request's own, and what nobody knows has a test of its own."""
SAID_AS = {"hosted_tools": {"tools"}, "options": {"a_new_option"}}
"""How errors and reports name a member where a caller wrote it under another name."""
NEEDS_TOOLS = {"tool_choice", "parallel_tool_calls"}

PARTS: dict[str, Part] = {
    "text": Text(MARK),
    "image data": Image(data=MARK, media_type="image/png"),
    "image url": Image(url=f"https://example.com/{MARK}.png"),
    "audio": Audio(data=MARK, format="wav"),
    "file data": File(data=MARK, media_type="application/pdf", filename="a.pdf"),
    "file url": File(url=f"https://example.com/{MARK}.pdf", media_type="application/pdf"),
    "file id": File(file_id=MARK),
    "opaque": Opaque(wire="other", raw=Raw(b'{"type":"other"}')),
    "refusal": Refusal(MARK),
    "tool call": ToolCall("call_1", FunctionCall("f", f'{{"a":"{MARK}"}}')),
    "tool result": ToolResult(call_id="call_1", parts=(Text(MARK),)),
    "failed tool": ToolResult(call_id="call_1", parts=(Text(MARK),), is_error=True),
    "image of a tool": ToolResult(call_id="call_1", parts=(Image(data=MARK, media_type="image/png"),)),
    "file of a tool": ToolResult(call_id="call_1", parts=(File(data=MARK, media_type="application/pdf"),)),
    "audio of a tool": ToolResult(call_id="call_1", parts=(Audio(data=MARK, format="wav"),)),
}
BY_MODEL = {"refusal", "tool call"}
BY_TOOL = {"tool result", "failed tool", "image of a tool", "file of a tool", "audio of a tool"}


def built(wire: str, model: ModelInfo, chat: ChatRequest, *, drop: bool) -> WireRequest:
    call = Call(wire="elsewhere", body=b"{}", model="m", decode=lambda _: chat, asked=Asked(drop_unsupported=drop))
    return load(wire).build_request(call, Target(model))


def chat_of(*messages: Message, **members: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages or (Message(role="user", parts=(Text("hi"),)),), **members)


@pytest.mark.parametrize("drop", [False, True], ids=["strict", "dropping"])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("wire", WIRES)
def test_a_member_of_a_request_is_sent_reported_or_refused(
    wire: str,
    member: str,
    model: ModelInfo,
    drop: bool,  # noqa: FBT001 - a parameter
) -> None:
    others = {"tools": (TOOL,)} if member in NEEDS_TOOLS else {}
    without = built(wire, model, chat_of(**others), drop=drop)
    try:
        request = built(wire, model, chat_of(**others, **{member: MEMBERS[member]}), drop=drop)
    except UnsupportedParameterError as error:
        named = error.param or ""
        assert not drop, f"what may be dropped is refused: {named}"
        assert named.partition(".")[0] in {member, *SAID_AS.get(member, ())}
        return
    reported = {name.partition(".")[0] for name in (*request.dropped, *request.emulated)}
    told = not reported.isdisjoint({member, *SAID_AS.get(member, ())})
    assert request.body != without.body or told, "lost without a word"


@pytest.mark.parametrize("wire", sorted({*WIRES} - {"openai_chat", "bedrock_converse"}))
def test_what_nobody_knows_goes_to_another_wire_only_from_callers_who_add_members_for_the_provider(wire: str) -> None:
    chat = chat_of(extra={"unheard_of": Raw(b"7")})

    def request(of: str) -> WireRequest:
        call = Call(wire=of, body=b"{}", model="m", decode=lambda _: chat)
        return load(wire).build_request(call, Target(MODELS["able"]))

    assert json.loads(request("openai_chat").body)["unheard_of"] == 7
    foreign = request("elsewhere")
    assert "unheard_of" not in json.loads(foreign.body)
    assert "unheard_of" in foreign.dropped


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("wire", WIRES)
def test_a_part_of_a_message_is_sent_reported_or_refused(wire: str, kind: str) -> None:
    part = PARTS[kind]
    turn = Message(role="assistant" if kind in BY_MODEL else "tool" if kind in BY_TOOL else "user", parts=(part,))
    ask = Message(role="user", parts=(Text("hi"),))
    calls = Message(role="assistant", parts=(ToolCall("call_1", FunctionCall("f", "{}")),))
    before = (ask, calls) if kind in BY_TOOL else (ask,) if kind in BY_MODEL else ()
    try:
        request = built(wire, MODELS["able"], chat_of(*before, turn, tools=(TOOL,)), drop=False)
    except UnsupportedParameterError as error:
        refused = error.param or ""
    else:
        refused = ""
        assert MARK.encode() in request.body or request.dropped or request.emulated, "lost without a word"
    assert refused.startswith("messages[") or not refused


def test_the_two_tests_know_every_member_and_every_part() -> None:
    assert MEMBERS.keys() | NOT_ASKED == set(ChatRequest.__struct_fields__)
    kinds = {type(part) for part in PARTS.values()}
    assert kinds | {Reasoning} == set(Part.__args__)
