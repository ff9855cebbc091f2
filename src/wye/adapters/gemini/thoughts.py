"""How much a model thinks, and the signatures of its thoughts, by the generation of the model."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from wye.adapters import Target
from wye.catalog.schema import ModelInfo
from wye.core.request import ChatRequest
from wye.core.sealed import PREFIX
from wye.core.wire import splice

WIRE: Final = "gemini"

SKIP_VALIDATION: Final = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""`skip_thought_signature_validator`, which Google documents for calls never signed, such as another model's:
https://ai.google.dev/gemini-api/docs/thought-signatures."""

_BUDGETS: Final[Mapping[str, int]] = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Thinking budgets in tokens, by Google's own table: https://ai.google.dev/gemini-api/docs/openai#thinking."""
_MOST: Final = 24576
_MOST_PRO: Final = 32768
_LEAST_PRO: Final = 128
"""The bounds of budgets: https://ai.google.dev/gemini-api/docs/thinking#set-budget."""
_LEVELS: Final = frozenset({"minimal", "low", "medium", "high"})
_BEFORE_3: Final = re.compile(r"gemini-[12]\.")
"""The generations that think by budget and need no signature on a call; those after them think by level."""
_THINKERS: Final = frozenset({"reasoning", "extended-thinking", "adaptive-thinking"})


def is_before_3(model: ModelInfo) -> bool:
    """Tell whether a model is of the first two generations."""
    return _BEFORE_3.match(model.family or model.id) is not None


def can_think(model: ModelInfo) -> bool:
    """Tell whether a model is known to think."""
    return not model.capabilities.isdisjoint(_THINKERS)


def thinking(chat: ChatRequest, model: ModelInfo, emulated: list[str]) -> dict[str, Any] | None:
    """Say an effort as a budget for the second generation of models and as a level for those after it."""
    effort, budget = chat.reasoning_effort, chat.reasoning_budget
    thinks = can_think(model)
    if effort == "none" and not thinks:
        return None
    shown = chat.reasoning_summary != "none"
    if budget is not None:
        return {"thinkingBudget": _bounded(budget, model, emulated, "reasoning_budget"), "includeThoughts": shown}
    if effort is None:
        return {"includeThoughts": shown} if chat.reasoning_summary is not None and thinks else None
    family = model.family or model.id
    if is_before_3(model):
        budget = _bounded(_BUDGETS.get(effort, _BUDGETS["high"]), model, emulated, "reasoning_effort")
        return {"thinkingBudget": budget, "includeThoughts": shown and effort != "none"}
    if effort not in _LEVELS:
        emulated.append("reasoning_effort")  # these models cannot stop thinking, nor think beyond "high"
    lowest = "minimal" if "flash" in family else "low"
    level = lowest if effort == "none" else effort if effort in _LEVELS else "high"
    return {"thinkingLevel": level, "includeThoughts": shown and effort != "none"}


def _bounded(budget: int, model: ModelInfo, emulated: list[str], param: str) -> int:
    """Bring a budget to what the model takes, and report it where that changes it."""
    pro = "pro" in (model.family or model.id)
    taken = min(max(budget, _LEAST_PRO if pro else 0), _MOST_PRO if pro else _MOST)
    if taken != budget:
        emulated.append(param)
    return taken


# --- A request in the same wire format ---

_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_items = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode
_CALL: Final = re.compile(rb'"function_?[cC]all"\s*:')
_SEALED: Final = b'"' + base64.b64encode(PREFIX.encode() + b"e")
"""How a signature begins that another wire format's was sealed into: the seal's prefix and its JSON's first letter."""


def respelled(body: bytes, target: Target) -> bytes:
    """Return a request of the same wire format, changed only where it must be.

    That is a `model` beside the one in the path, signatures that are another wire format's, and calls that have none
    for a model that refuses those.
    """
    changes: dict[str, bytes] = {}
    try:
        if b'"model"' in body and "model" in _decode_members(body):
            changes["model"] = _encode(f"models/{target.name}")
        must_sign = not is_before_3(target.model)
        if _SEALED in body or (must_sign and _CALL.search(body)):
            changes |= _resigned(body, must_sign=must_sign)
        return splice(body, changes) if changes else body
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body  # not what it should be: the provider will say what is wrong with it


def _resigned(body: bytes, *, must_sign: bool) -> dict[str, bytes]:
    contents = _decode_members(body).get("contents")
    if contents is None or not bytes(contents).lstrip().startswith(b"["):
        return {}
    turns = _decode_items(contents)
    signed = [_turn(turn, must_sign=must_sign) for turn in turns]
    if all(new is old for new, old in zip(signed, turns, strict=True)):
        return {}
    return {"contents": _encode(signed)}


def _turn(turn: Raw, *, must_sign: bool) -> Raw:
    members = _decode_members(turn)
    parts = members.get("parts")
    if bytes(members.get("role", b"")) != b'"model"' or parts is None or not bytes(parts).startswith(b"["):
        return turn
    old = _decode_items(parts)
    new = list(_parts(old, must_sign=must_sign))
    if len(new) == len(old) and all(a is b for a, b in zip(new, old, strict=True)):
        return turn
    members["parts"] = Raw(_encode(new or [{"text": ""}]))
    return Raw(_encode(members))


def _parts(parts: list[Raw], *, must_sign: bool) -> Iterator[Raw]:
    """Leave out what is another wire format's; let the first call carry the stand-in if it `must_sign` and does not."""
    called = False
    for raw in parts:
        part = _decode_members(raw)
        name = "thoughtSignature" if "thoughtSignature" in part else "thought_signature"
        changed = False
        if bytes(part.get(name, b"")).startswith(_SEALED):
            if bytes(part.get("thought", b"")) == b"true":
                continue
            del part[name]
            changed = True
        if "functionCall" in part or "function_call" in part:
            if must_sign and not called and name not in part:
                part["thoughtSignature"] = Raw(_encode(SKIP_VALIDATION))
                changed = True
            called = True
        yield Raw(_encode(part)) if changed else raw
