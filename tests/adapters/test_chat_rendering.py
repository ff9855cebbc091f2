"""A call of any client API, said as a chat completion, means what it meant; providers' traits change only the words."""

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from mistralai.client.models import ChatCompletionRequest
from msgspec import Raw
from openai.types.chat.completion_create_params import CompletionCreateParams
from tests.adapters.test_recorded_requests import exhaust, recorded_calls, type_adapter
from tests.adapters.wires import ABLE, PLAIN, call_of
from tests.support.recordings import needs_recordings

from wye import catalog
from wye.adapters import Target, load
from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.content import FunctionCall, Image, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from wye.core.errors import UnsupportedParameterError, WyeError
from wye.core.request import Asked, Call, ChatRequest, HostedTool, ResponseFormat, Tool, ToolChoice
from wye.core.wire import WireRequest
from wye.surfaces.openai_chat import parse_request

CHAT = load("openai_chat")
PROVIDERS = {name: row for name, row in catalog.load().providers.items() if row.adapter == "openai_chat"}
THINKER = ModelInfo(id="thinker-1", capabilities=frozenset({"text", "streaming", "reasoning", "function-calling"}))
TALKER = ModelInfo(id="talker-1", capabilities=frozenset({"text", "streaming", "function-calling"}))


def elsewhere(chat: ChatRequest, *, drop: bool = False, stream: bool = False) -> Call:
    """Make a call that came in another wire format."""
    return Call(
        wire="elsewhere",
        body=b"{}",
        model=chat.model,
        decode=lambda _: chat,
        stream=stream,
        asked=Asked(drop_unsupported=drop),
    )


def render(
    *messages: Message, traits: WireTraits | None = None, model: ModelInfo = ABLE, drop: bool = False, **asked: Any
) -> WireRequest:
    chat = ChatRequest(model="m", messages=messages or (said("user", Text("hi")),), **asked)
    return CHAT.build_request(elsewhere(chat, drop=drop), Target(model, traits or WireTraits()))


def body(request: WireRequest) -> Any:
    return json.loads(request.body)


def said(role: Any, *parts: Part) -> Message:
    return Message(role=role, parts=parts)


def calls(call_id: str, **more: Any) -> ToolCall:
    return ToolCall(call_id, FunctionCall("weather", '{"city":"Bonn"}'), **more)


def answer(call_id: str, *parts: Any, **more: Any) -> Message:
    return said("tool", ToolResult(call_id=call_id, parts=parts or (Text("rain"),), **more))


# --- Every recorded request ---


def again(call: Call, target: Target) -> WireRequest:
    """Say a recorded request as if it had come by another client API."""
    return CHAT.build_request(elsewhere(call.chat, drop=True, stream=call.stream), target)


FIELDS = (
    "tool_choice", "parallel_tool_calls", "response_format", "temperature", "top_p", "max_output_tokens", "stop",
    "seed", "presence_penalty", "frequency_penalty", "reasoning_effort", "n", "user", "stream",
)  # fmt: skip


def plain_parts(message: Message) -> list[Part]:
    """Return what a message says, without thoughts: they go back only to who wants them."""
    return [part for part in message.parts if not isinstance(part, Reasoning)]


@needs_recordings
def test_every_recorded_request_said_anew_means_the_same(record_property: Callable[[str, object], None]) -> None:
    seen = 0
    for recording, call in recorded_calls():
        try:
            chat = call.chat
        except WyeError:
            continue  # a part that only a provider of the same wire format could understand
        if not all(message.parts for message in chat.messages):
            continue
        request = again(call, Target(PLAIN, WireTraits(takes=frozenset({"file_url"}))))
        twice = parse_request(request.body).chat
        for name in FIELDS:
            before, after = getattr(chat, name), getattr(twice, name)
            if name in {"tool_choice", "parallel_tool_calls"} and not (chat.tools or chat.hosted_tools):
                assert after in {before, None}
            elif name == "reasoning_effort":
                assert (before is None) == (after is None), recording
            elif name == "response_format" and "response_format" in request.emulated:
                continue
            else:
                assert after == before, (recording, name)
        assert [tool.name for tool in twice.tools] == [tool.name for tool in chat.tools]
        assert [tool.parameters and json.loads(bytes(tool.parameters)) for tool in twice.tools] == [
            tool.parameters and json.loads(bytes(tool.parameters)) for tool in chat.tools
        ]
        shown = [message for message in twice.messages if message.role != "system"]
        given = [message for message in chat.messages if message.role not in {"system", "developer"}]
        calls_before = [part for message in given for part in message.parts if isinstance(part, ToolCall)]
        calls_after = [part for message in shown for part in message.parts if isinstance(part, ToolCall)]
        assert [part.name for part in calls_after] == [part.name for part in calls_before]
        assert all(len(part.id) <= 40 for part in calls_after)
        assert len({part.id for part in calls_after}) == len({part.id for part in calls_before})
        if "messages[0].content" not in " ".join(request.emulated):
            assert "".join(message.text for message in shown) == "".join(message.text for message in given)
        if not chat.hosted_tools:  # a router's own tools are none of OpenAI's
            exhaust(type_adapter(CompletionCreateParams).validate_python(json.loads(request.body)))
        seen += 1
    record_property("requests", seen)
    assert seen > 700


@needs_recordings
@pytest.mark.parametrize("name", PROVIDERS)
def test_every_recorded_request_can_be_said_to_every_provider(name: str) -> None:
    traits = PROVIDERS[name].wire
    refused = set()
    for recording, call in recorded_calls(drop=True):
        try:
            request = again(call, Target(PLAIN, traits))
        except UnsupportedParameterError as error:
            refused.add(re.sub(r"\d+", "", error.param or "unnamed"))
            continue
        sent = json.loads(request.body)
        assert not (sent.keys() & traits.refuses), recording
        if traits.developer_role is False:
            assert all(message["role"] != "developer" for message in sent["messages"])
        if traits.tool_call_ids != "free":
            assert all(len(one["id"]) == 9 for m in sent["messages"] for one in m.get("tool_calls") or ())
            if not call.chat.hosted_tools:
                ChatCompletionRequest.model_validate(sent)
        if traits.alternating:
            roles = [message["role"] for message in sent["messages"]]
            assert not [one for one, other in itertools.pairwise(roles) if one == other != "tool"], recording
    fetched_before = {"messages[].content[].file", "messages[].content[].image_url"}
    assert refused <= {"messages[].content[].type", "messages[].content[]"} | fetched_before


# --- Conversations ---


def test_results_of_tools_follow_their_calls_and_pictures_follow_the_results() -> None:
    picture = Image(data="QUJD", media_type="image/png")
    request = render(
        said("user", Text("go")),
        said("assistant", Text("so"), calls("a"), calls("b")),
        answer("a", Text("see"), picture),
        answer("b", is_error=True),
        said("user", Text("and?")),
    )
    messages = body(request)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user", "user"]
    assert [message.get("tool_call_id") for message in messages[2:4]] == ["a", "b"]
    assert messages[3]["content"] == "The tool failed: rain"
    assert messages[4]["content"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]
    assert set(request.emulated) == {"messages[2].content", "messages[3].is_error"}


def test_what_only_another_wire_understands_stays_behind_and_is_reported() -> None:
    opaque = Opaque(wire="gemini", raw=Raw(b'{"executableCode":{}}'))
    request = render(said("user", Text("go")), said("assistant", Text("so"), opaque))
    assert body(request)["messages"][1] == {"role": "assistant", "content": "so"}
    assert request.dropped


@pytest.mark.parametrize("foreign", ["anthropic_messages", "gemini", "openai_responses"])
def test_a_signature_of_another_wire_is_never_sent(foreign: str) -> None:
    signed = Reasoning(text="hm", signature="c2lnbmVk", origin=foreign)
    call = calls("a", signature="c2lnbmVk", origin=foreign)
    for row in PROVIDERS.values():
        request = render(
            said("user", Text("go")),
            said("assistant", signed, call),
            answer("a"),
            traits=row.wire,
            model=THINKER,
            drop=True,
        )
        assert b"c2lnbmVk" not in request.body, row.id


@pytest.mark.parametrize(
    ("origin", "goes"),
    [("bedrock_converse", True), ("anthropic-claude-v1", True), ("gemini", False), ("google-gemini-v1", False)],
)
def test_anthropic_is_given_what_claude_signed_anywhere_and_nothing_else(origin: str, goes: bool) -> None:  # noqa: FBT001
    thought = Reasoning(text="hm", signature="c2lnbmVk", origin=origin)
    chat = ChatRequest(
        model="m", messages=(said("user", Text("go")), said("assistant", thought, Text("so")), said("user", Text("on")))
    )
    request = load("anthropic_messages").build_request(elsewhere(chat, drop=True), Target(THINKER))
    assert (b'"signature":"c2lnbmVk"' in request.body) is goes
    assert (b'"thinking":"hm"' in request.body) is goes


def test_a_signature_comes_back_to_where_it_was_made() -> None:
    traits = PROVIDERS["openrouter"].wire
    detail = {"type": "reasoning.text", "text": "hm", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0}
    sealed = {"type": "reasoning.encrypted", "id": "a", "data": "Y2FsbA==", "format": "google-gemini-v1"}
    message = {
        "role": "assistant",
        "content": None,
        "reasoning": "hm",
        "reasoning_details": [detail, sealed],
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
    }
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    choice = CHAT.parse_response(json.dumps({"choices": choices}).encode()).choices[0]
    assert [(piece.text, piece.signature, piece.origin) for piece in choice.reasoning] == [
        ("hm", "c2ln", "anthropic-claude-v1")
    ]
    request = render(
        said("user", Text("go")), said("assistant", *choice.reasoning, *choice.tool_calls), answer("a"), traits=traits
    )
    back = body(request)["messages"][1]["reasoning_details"]
    assert back == [
        {"type": "reasoning.text", "text": "hm", "signature": "c2ln", "format": "anthropic-claude-v1"},
        sealed,
    ]


def test_thoughts_go_back_to_a_model_in_the_turns_it_wants_them_for() -> None:
    conversation = (
        said("user", Text("a")),
        said("assistant", Reasoning(text="plain"), Text("b")),
        said("user", Text("c")),
        said("assistant", Reasoning(text="busy"), calls("a")),
        answer("a"),
        said("assistant", Text("d")),
    )
    messages = body(render(*conversation, traits=PROVIDERS["deepseek"].wire, model=THINKER))["messages"]
    assert [message.get("reasoning_content") for message in messages] == [None, None, None, "busy", None, None]
    never = body(render(*conversation, traits=PROVIDERS["openai"].wire, model=THINKER))["messages"]
    assert not any("reasoning" in name for message in never for name in message)


# --- Parameters ---


@pytest.mark.parametrize(
    ("provider", "effort", "expected"),
    [
        ("openai", "low", {"reasoning_effort": "low"}),
        ("openai", "max", {"reasoning_effort": "high"}),
        ("openrouter", "xhigh", {"reasoning": {"effort": "xhigh"}}),
        ("deepseek", "none", {"thinking": {"type": "disabled"}}),
        ("deepseek", "high", {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        ("vllm", "none", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("mistral", "medium", {"reasoning_effort": "high"}),
    ],
)
def test_effort_is_said_in_the_providers_way(provider: str, effort: str, expected: dict[str, Any]) -> None:
    sent = body(render(traits=PROVIDERS[provider].wire, model=THINKER, reasoning_effort=effort))
    assert {name: sent.get(name) for name in expected} == expected


def test_a_budget_is_a_number_where_the_provider_takes_one_and_a_word_elsewhere() -> None:
    assert body(render(traits=PROVIDERS["openrouter"].wire, model=THINKER, reasoning_budget=3000))["reasoning"] == {
        "max_tokens": 3000
    }
    request = render(traits=PROVIDERS["openai"].wire, model=THINKER, reasoning_budget=3000)
    assert (body(request)["reasoning_effort"], request.emulated) == ("medium", ("reasoning_budget",))


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    request = render(model=TALKER, reasoning_effort="high")
    assert "reasoning_effort" not in body(request)
    assert request.dropped == ("reasoning_effort",)


def test_models_that_reason_refuse_a_temperature_unless_it_is_the_usual_one() -> None:
    traits = PROVIDERS["openai"].wire
    assert "temperature" not in body(render(traits=traits, model=THINKER, temperature=1.0))
    assert body(render(traits=traits, model=TALKER, temperature=0.2))["temperature"] == 0.2
    with pytest.raises(UnsupportedParameterError) as raised:
        render(traits=traits, model=THINKER, temperature=0.2)
    assert raised.value.param == "temperature"
    assert render(traits=traits, model=THINKER, temperature=0.2, drop=True).dropped == ("temperature",)


@pytest.mark.parametrize(
    ("provider", "name"),
    [("openai", "max_completion_tokens"), ("mistral", "max_tokens"), ("groq", "max_completion_tokens")],
)
def test_the_limit_has_the_name_the_provider_knows(provider: str, name: str) -> None:
    sent = body(render(traits=PROVIDERS[provider].wire, max_output_tokens=7))
    assert {key: value for key, value in sent.items() if key.startswith("max")} == {name: 7}


def test_names_of_parameters_and_words_for_choices_are_the_providers() -> None:
    tool = Tool(name="weather")
    sent = body(render(traits=PROVIDERS["mistral"].wire, seed=3, tools=(tool,), tool_choice=ToolChoice("required")))
    assert (sent["random_seed"], sent["tool_choice"]) == (3, "any")
    assert "seed" not in sent


def test_top_k_goes_where_it_is_known_and_is_refused_elsewhere() -> None:
    assert body(render(traits=PROVIDERS["vllm"].wire, top_k=5))["top_k"] == 5
    with pytest.raises(UnsupportedParameterError) as raised:
        render(traits=PROVIDERS["openai"].wire, top_k=5)
    assert raised.value.param == "top_k"


def test_a_schema_is_asked_for_in_words_where_the_provider_takes_none() -> None:
    form = ResponseFormat(type="json_schema", schema=Raw(b'{"type":"object"}'))
    native = body(render(response_format=form))["response_format"]
    assert native == {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
    request = render(traits=PROVIDERS["deepseek"].wire, response_format=form)
    assert body(request)["response_format"] == {"type": "json_object"}
    assert '{"type":"object"}' in body(request)["messages"][0]["content"]
    assert request.emulated == ("response_format",)


def test_a_search_is_asked_for_where_the_provider_can_and_refused_by_name_elsewhere() -> None:
    search = HostedTool(kind="web_search", wire="gemini", raw=Raw(b'{"googleSearch":{}}'))
    assert body(render(traits=PROVIDERS["openrouter"].wire, hosted_tools=(search,)))["plugins"] == [{"id": "web"}]
    assert body(render(traits=PROVIDERS["perplexity"].wire, hosted_tools=(search,)))["web_search_options"] == {}
    with pytest.raises(UnsupportedParameterError) as raised:
        render(traits=PROVIDERS["groq"].wire, hosted_tools=(search,))
    assert raised.value.param == "tools.web_search"


# --- The same wire, where a provider is known to refuse ---


def fit(provider: str, sent: dict[str, Any], model: ModelInfo = TALKER, *, drop: bool = False) -> WireRequest:
    return CHAT.build_request(call_of(sent, drop=drop), Target(model, PROVIDERS[provider].wire))


def test_a_callers_own_request_changes_only_in_what_the_provider_refuses() -> None:
    system = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]
    request = fit("mistral", {"messages": system, "max_completion_tokens": 9, "seed": 2, "user": "u"})
    sent = body(request)
    assert (sent["messages"][0]["role"], sent["max_tokens"], sent["random_seed"]) == ("system", 9, 2)
    assert not sent.keys() & {"max_completion_tokens", "seed", "user"}
    assert set(request.emulated) == {"messages[0].role", "max_completion_tokens", "seed"}
    assert request.dropped == ("user",)
    untouched = fit("openai", {"messages": system, "max_completion_tokens": 9, "seed": 2, "user": "u"})
    assert body(untouched)["messages"] == system
    assert untouched.dropped == untouched.emulated == ()


def test_max_tokens_becomes_what_models_that_reason_know() -> None:
    assert body(fit("openai", {"max_tokens": 5}, THINKER))["max_completion_tokens"] == 5
    assert body(fit("openai", {"max_tokens": 5}, TALKER))["max_tokens"] == 5


def test_thoughts_of_one_provider_are_not_shown_to_one_that_refuses_them() -> None:
    assistant = {
        "role": "assistant",
        "content": "so",
        "reasoning_content": "hm",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "x", "format": "anthropic_messages"}
        ],
    }
    conversation = [{"role": "user", "content": "a"}, assistant, {"role": "user", "content": "b"}]
    assert body(fit("openai", {"messages": conversation}))["messages"][1] == {"role": "assistant", "content": "so"}
    kept = body(fit("openrouter", {"messages": conversation}))["messages"][1]
    assert kept == {"role": "assistant", "content": "so", "reasoning_content": "hm"}


def test_ids_of_calls_stay_the_same_pair_in_the_form_a_provider_insists_on() -> None:
    asked = {"id": "call_0123456789", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    conversation = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": "call_0123456789", "content": "rain"},
    ]
    messages = body(fit("mistral", {"messages": conversation}))["messages"]
    given = messages[1]["tool_calls"][0]["id"]
    assert len(given) == 9
    assert given.isalnum()
    assert messages[2]["tool_call_id"] == given


def test_neighbours_of_one_role_are_joined_for_providers_that_want_turns_in_turn() -> None:
    conversation = [
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
        {"role": "system", "content": "s"},
        {"role": "user", "content": "d"},
    ]
    messages = body(fit("perplexity", {"messages": conversation}))["messages"]
    assert [(m["role"], m["content"]) for m in messages] == [
        ("system", "s"), ("user", "a\n\nb"), ("assistant", "c"), ("user", "d"),
    ]  # fmt: skip


def test_a_callers_schema_is_asked_for_in_words_where_the_provider_takes_none() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    request = fit("deepseek", {"response_format": form})
    assert body(request)["response_format"] == {"type": "json_object"}
    assert request.emulated == ("response_format",)
