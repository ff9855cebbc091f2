"""The tier of service that an answer names, on every wire that names one."""

import json
from typing import Any

import pytest

from wye.adapters import load, tier_of
from wye.core.wire import ServerEvent, StreamState


@pytest.mark.parametrize(
    ("words", "tier"),
    [
        ((None,), None),
        ((None, None, None), None),
        (("default",), ""),
        (("on_demand",), ""),
        (("ON_DEMAND",), ""),
        (("ON_DEMAND_FLEX",), "flex"),
        (("SERVICE_TIER_PRIORITY",), "priority"),
        (("PROVISIONED_THROUGHPUT",), "provisioned_throughput"),
        (("TRAFFIC_TYPE_UNSPECIFIED",), ""),
        (("standard", "fast", "us"), "fast+us"),
        (("standard", None, "global"), ""),
        (("a\0b",), ""),
        (("x" * 200,), ""),
        (({"type": "flex"},), None),
    ],
)
def test_words_of_the_usual_tier_are_none_and_odd_ones_are_left_out(
    words: tuple[object, ...], tier: str | None
) -> None:
    assert tier_of(*words) == tier


CHAT = {"id": "c", "object": "chat.completion", "model": "m", "choices": [],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2}}  # fmt: skip
RESPONSE = {"id": "r", "object": "response", "model": "m", "status": "completed", "output": [],
            "usage": {"input_tokens": 3, "output_tokens": 2}}  # fmt: skip
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": "end_turn"}
COUNTS = {"input_tokens": 3, "output_tokens": 2}
GEMINI = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}
TOKENS = {"promptTokenCount": 3, "candidatesTokenCount": 2}
CONVERSE = {"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}, "stopReason": "end_turn",
            "usage": {"inputTokens": 3, "outputTokens": 2}}  # fmt: skip


@pytest.mark.parametrize(
    ("wire", "body", "tier"),
    [
        ("openai_chat", CHAT | {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}],
                                "service_tier": "priority"}, "priority"),
        ("openai_responses", RESPONSE | {"service_tier": "flex"}, "flex"),
        ("anthropic_messages", MESSAGE | {"usage": COUNTS | {"service_tier": "batch"}}, "batch"),
        ("anthropic_messages", MESSAGE | {"usage": COUNTS | {"service_tier": "standard", "speed": "fast"}}, "fast"),
        ("anthropic_messages", MESSAGE | {"usage": COUNTS | {"inference_geo": "us"}}, "us"),
        ("gemini", GEMINI | {"usageMetadata": TOKENS | {"serviceTier": "priority"}}, "priority"),
        ("gemini", GEMINI | {"usageMetadata": TOKENS | {"trafficType": 1}}, ""),
        ("gemini", GEMINI | {"usageMetadata": TOKENS | {"trafficType": 9}}, "traffic_9"),
        ("bedrock_converse", CONVERSE | {"serviceTier": {"type": "flex"}}, "flex"),
        ("bedrock_converse", CONVERSE, None),
    ],
)  # fmt: skip
def test_a_whole_answer_tells_its_tier(wire: str, body: dict[str, Any], tier: str | None) -> None:
    usage = load(wire).parse_response(json.dumps(body).encode()).usage
    assert usage is not None
    assert (usage.service, usage.input_tokens, usage.output_tokens) == (tier, 3, 2)


def test_a_stream_of_messages_tells_its_tier_at_its_beginning_and_its_usage_at_its_end() -> None:
    events = [
        {"type": "message_start", "message": MESSAGE | {"usage": COUNTS | {"service_tier": "priority"}}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
    ]
    adapter, state = load("anthropic_messages"), StreamState()
    chunks = [
        chunk for event in events for chunk in adapter.parse_event(ServerEvent(json.dumps(event).encode()), state)
    ]
    told = [(usage.service, usage.output_tokens, usage.estimated) for one in chunks if (usage := one.usage) is not None]
    assert told == [("priority", 2, True), ("priority", 7, False)]


def test_a_piece_that_tells_a_tier_and_no_counts_tells_no_usage() -> None:
    event = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}}], "usageMetadata": {"trafficType": "ON_DEMAND"}}
    chunks = list(load("gemini").parse_event(ServerEvent(json.dumps(event).encode()), StreamState()))
    assert [chunk.usage for chunk in chunks] == [None]
