"""Every recorded chat request, said in each wire, fits that provider's own types or is refused for a known reason."""

import inspect
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

import cohere
import pytest
from anthropic.types.message_create_params import MessageCreateParams
from google.genai import types as gemini
from ollama import _types as ollama
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.responses.response_create_params import ResponseCreateParams
from pydantic import TypeAdapter
from tests.adapters.converse import check_converse
from tests.adapters.wires import ABLE, PLAIN
from tests.support.recordings import Recording, needs_recordings
from tests.support.recordings import load as recordings

from wye.adapters import Target, load
from wye.core.errors import InvalidRequestError, UnsupportedParameterError
from wye.core.request import Asked, Call
from wye.surfaces.openai_chat import parse_request

NOT_TO_ANOTHER_WIRE = {
    "messages[].content[].type",  # video
    "tools.openrouter:advisor",  # a tool that OpenRouter runs
    "tools.web_search",
    "web_search_options",
}
REFUSED: dict[str, set[str]] = {
    "openai_chat": set(),
    "anthropic_messages": NOT_TO_ANOTHER_WIRE
    | {"logprobs", "n", "presence_penalty", "seed", "messages[].content[]"},  # the last is audio
    "gemini": (NOT_TO_ANOTHER_WIRE - {"web_search_options"}) | {"parallel_tool_calls"},
    "openai_responses": (NOT_TO_ANOTHER_WIRE - {"web_search_options"})
    | {"modalities", "n", "presence_penalty", "seed", "stop", "messages[].content[]"},  # the last is audio
    "cohere_chat": NOT_TO_ANOTHER_WIRE | {"n", "parallel_tool_calls", "top_logprobs", "messages[].content[]"},
    "ollama_chat": NOT_TO_ANOTHER_WIRE
    | {"n", "parallel_tool_calls", "tool_choice", "messages[].content[].image_url", "messages[].content[]"},
    "bedrock_converse": NOT_TO_ANOTHER_WIRE
    | {"logprobs", "n", "parallel_tool_calls", "presence_penalty", "reasoning_effort", "seed"}
    | {"messages[].content[].image_url", "messages[].content[].file"},  # addresses of pictures and files
}
"""What recorded requests ask for and a wire cannot say, by the parameter the error names."""

NO_DROPPING = {
    "messages[].content[].type",
    "messages[].content[].image_url",
    "messages[].content[].file",
    "messages[].content[]",
}
"""Of these, what cannot be left out: parts of the conversation."""


@cache
def recorded_calls(*, drop: bool = False) -> list[tuple[Recording, Call]]:
    """Return every distinct recorded request that a gateway lets in."""
    found = {}
    for recording in recordings("openai_chat", status_ok=False):
        # One recording is of a test that sends a word for a number, one of a test that sends no base64 for it.
        if not recording.id.endswith(("malformed_request_field.yaml#0", "malformed_data_uri.yaml#0")):
            found[recording.request_body] = (
                recording,
                parse_request(recording.request_body, Asked(drop_unsupported=drop)),
            )
    return list(found.values())


@needs_recordings
@pytest.mark.parametrize("model", [ABLE, PLAIN], ids=["able", "plain"])
@pytest.mark.parametrize("wire", REFUSED)
def test_recorded_requests_fit_the_types_of_every_wire_or_are_refused_for_a_known_reason(
    wire: str, model: Any, record_property: Callable[[str, object], None]
) -> None:
    reasons: Counter[str] = Counter()
    for recording, call in recorded_calls():
        try:
            request = load(wire).build_request(call, Target(model))
        except (UnsupportedParameterError, InvalidRequestError) as error:
            reasons[re.sub(r"\d+", "", error.param or "unnamed")] += 1
        else:
            VALIDATORS[wire](json.loads(request.body), call, recording)
    record_property("refused", dict(reasons))
    print(f"\n{wire}: {len(recorded_calls())} requests, {reasons.total()} refused: {dict(reasons)}")  # noqa: T201
    assert set(reasons) <= REFUSED[wire]


@needs_recordings
@pytest.mark.parametrize("wire", REFUSED)
def test_with_leave_to_drop_parameters_only_parts_are_refused(wire: str) -> None:
    refused = set()
    for recording, call in recorded_calls(drop=True):
        try:
            request = load(wire).build_request(call, Target(ABLE))
        except InvalidRequestError as error:
            refused.add(re.sub(r"\d+", "", error.param or "unnamed"))
        else:
            VALIDATORS[wire](json.loads(request.body), call, recording)
    assert refused <= NO_DROPPING


def is_openai(body: dict[str, Any], call: Call, recording: Recording) -> None:
    """Nothing changes but the model's name and the wish for usage; OpenAI's own traffic fits OpenAI's own types."""
    expected = json.loads(call.body) | {"model": body["model"]}
    if call.stream and not call.stream_usage:
        expected["stream_options"] = {"include_usage": True}
    assert body == expected, recording
    if recording.provider == "openai":
        exhaust(type_adapter(CompletionCreateParams).validate_python(body))


def is_responses(body: dict[str, Any], call: Call, recording: Recording) -> None:
    members = without_extra(body, call)
    assert set(members) <= RESPONSES_MEMBERS, recording
    exhaust(type_adapter(ResponseCreateParams).validate_python(members))


def is_anthropic(body: dict[str, Any], call: Call, recording: Recording) -> None:
    members = without_extra(body, call)
    assert set(members) <= ANTHROPIC_MEMBERS, recording
    exhaust(type_adapter(MessageCreateParams).validate_python(members))


def is_gemini(body: dict[str, Any], call: Call, recording: Recording) -> None:
    members = without_extra(body, call)
    assert set(members) <= {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig"}, recording
    for content in members["contents"]:
        strictly(gemini.Content, content)
    for tool in members.get("tools", []):
        strictly(gemini.Tool, tool)
    strictly(gemini.Content, members.get("systemInstruction", {}))
    strictly(gemini.ToolConfig, members.get("toolConfig", {}))
    strictly(gemini.GenerationConfig, members.get("generationConfig", {}))


def is_ollama(body: dict[str, Any], call: Call, recording: Recording) -> None:
    members = without_extra(body, call)
    assert set(members) <= set(ollama.ChatRequest.model_fields), recording
    ollama.ChatRequest.model_validate(members)
    for message in members["messages"]:
        images = [{"value": image} for image in message.get("images", [])]
        ollama.Message.model_validate({**message, "images": images})
    ollama.Options.model_validate(members.get("options", {}))


def is_cohere(body: dict[str, Any], call: Call, recording: Recording) -> None:
    members = without_extra(body, call)
    assert set(members) <= set(inspect.signature(cohere.ClientV2.chat).parameters) | {"stream"}, recording
    for message in members["messages"]:
        known(COHERE_TURNS[message["role"]], message)
    for tool in members.get("tools", []):
        known(cohere.ToolV2, tool)
    known(cohere.Thinking, members.get("thinking", {"type": "enabled"}))
    known(cohere.JsonObjectResponseFormatV2, members.get("response_format", {"type": "json_object"}))
    assert members.get("tool_choice") in {None, "REQUIRED", "NONE"}


def known(model: Any, value: dict[str, Any]) -> None:
    """Validate with a model that would take members it does not know."""
    assert set(value) <= set(model.model_fields)
    model.model_validate(value)


def is_converse(body: dict[str, Any], call: Call, recording: Recording) -> None:
    """It fits AWS's own description of the service; unknown members are refused."""
    check_converse(body)
    further = body.get("additionalModelRequestFields", {})
    assert set(further) <= {*call.chat.extra, "top_k"}, recording


VALIDATORS: dict[str, Callable[[dict[str, Any], Call, Recording], None]] = {
    "openai_chat": is_openai,
    "anthropic_messages": is_anthropic,
    "gemini": is_gemini,
    "ollama_chat": is_ollama,
    "bedrock_converse": is_converse,
    "cohere_chat": is_cohere,
    "openai_responses": is_responses,
}
COHERE_TURNS: dict[str, Any] = {
    "system": cohere.SystemChatMessageV2,
    "user": cohere.UserChatMessageV2,
    "assistant": cohere.AssistantChatMessageV2,
    "tool": cohere.ToolChatMessageV2,
}
RESPONSES_MEMBERS = {
    name for params in get_args(ResponseCreateParams) for name in get_type_hints(params, include_extras=False)
}
ANTHROPIC_MEMBERS = {
    "model", "max_tokens", "messages", "metadata", "output_config", "stop_sequences", "stream", "system", "temperature",
    "thinking", "tool_choice", "tools", "top_p",
}  # fmt: skip


def without_extra(body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Leave out what the caller sent beyond OpenAI's parameters: it travels untouched and is the caller's affair."""
    return {name: value for name, value in body.items() if name not in call.chat.extra}


def strictly(model: Any, value: object) -> None:
    """Validate as JSON, where bytes are base64 as on the wire; these models forbid what they do not know."""
    model.model_validate_json(json.dumps(value))


@cache
def type_adapter(parameters: Any) -> TypeAdapter[Any]:
    return TypeAdapter(parameters)


def exhaust(value: object) -> None:
    """Walk through everything: pydantic validates the items of an `Iterable` only when somebody iterates."""
    if isinstance(value, Mapping):
        for item in value.values():
            exhaust(item)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for item in value:
            exhaust(item)
