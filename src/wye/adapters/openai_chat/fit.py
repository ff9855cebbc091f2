"""Changes in a caller's own bytes what the provider is known to refuse, and nothing else."""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.adapters import ADVISORY, Target, json_instruction
from wye.adapters.openai_chat.conversation import alternated, call_id
from wye.adapters.openai_chat.notes import LIMITS, NEUTRAL, Notes, refusals
from wye.catalog.schema import WireTraits
from wye.core.request import Call, ResponseFormat

_THOUGHTS: Final = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")
_BACK: Final[dict[str, frozenset[str]]] = {
    "never": frozenset(),
    "thinking": frozenset(),
    "reasoning_content": frozenset({"reasoning_content"}),
    "reasoning": frozenset({"reasoning"}),
    "reasoning_details": frozenset({"reasoning", "reasoning_content", "reasoning_details"}),
}


class _Schema(Struct, frozen=True):
    schema: Raw = Raw(b"{}")


class _Form(Struct):
    type: str = ""
    json_schema: _Schema = _Schema()


_decode_form = msgspec.json.Decoder(_Form | None).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_messages = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_NULL: Final = b"null"


def deviates(target: Target) -> bool:
    """Tell whether there is anything in which the provider, with this model, is known to differ."""
    traits = target.traits
    return bool(
        traits.refuses
        or traits.reasoning_back
        or traits.reasoning_refuses
        or traits.renames
        or traits.alternating
        or traits.developer_role is False
        or traits.tool_call_ids != "free"
    )


def fitted(call: Call, target: Target, notes: Notes) -> bytes:
    """Return the body as the provider takes it: the same bytes where nothing has to change."""
    traits = target.traits
    body = call.body
    members: dict[str, Raw] | None = None
    changed = False
    if traits.refuses or traits.renames or (traits.reasoning_refuses and target.model.reasons):
        members = _decode_members(body)
        effort = "none" if bytes(members.get("reasoning_effort", b"")) == b'"none"' else None
        changed = _fit_members(members, refusals(target, effort), target, notes)
    if "json_schema" not in traits.response_formats and b'"json_schema"' in body:
        members = members or _decode_members(body)
        changed = _fit_form(members, target, notes) or changed
    if _may_differ(body, traits):
        members = members or _decode_members(body)
        changed = _fit_messages(members, traits, notes) or changed
    return _encode(members) if changed else body


def _fit_members(members: dict[str, Raw], refused: frozenset[str], target: Target, notes: Notes) -> bool:
    changed = False
    for name in members.keys() & (refused | target.traits.renames.keys()):
        value = bytes(members[name])
        other = target.traits.renames.get(name) or LIMITS.get(name)
        if value != _NULL and other and other not in refused and other not in members:
            members[other] = members[name]
            notes.emulate(name)
        elif value == _NULL or _is_neutral(name, value) or (name not in ADVISORY and not notes.allowed):
            continue  # said in vain, and no harm done; or the provider says no itself
        else:
            notes.drop(name)
        del members[name]
        changed = True
    return changed


def _is_neutral(name: str, value: bytes) -> bool:
    return name in NEUTRAL and bool(_decode(value) == NEUTRAL[name])


def _fit_form(members: dict[str, Raw], target: Target, notes: Notes) -> bool:
    """Ask for JSON in words where the provider does not take a schema."""
    form = _decode_form(members.get("response_format", _NULL))
    if form is None or form.type != "json_schema":
        return False
    if "json_object" in target.traits.response_formats:
        members["response_format"] = Raw(b'{"type":"json_object"}')
    else:
        del members["response_format"]
    instruction = {
        "role": "system",
        "content": json_instruction(ResponseFormat(type="json_schema", schema=form.json_schema.schema)),
    }
    members["messages"] = Raw(b"[" + _encode(instruction) + b"," + bytes(members["messages"]).lstrip()[1:])
    notes.emulate("response_format")
    return True


def _may_differ(body: bytes, traits: WireTraits) -> bool:
    """Tell, without decoding, whether a message may hold something that the provider does not know."""
    return (
        traits.alternating
        or (traits.developer_role is False and b'"developer"' in body)
        or (traits.reasoning_back is not None and (b'"reasoning' in body or b'"thinking_blocks"' in body))
        or (traits.tool_call_ids != "free" and b'"tool_call' in body)
        or ("name" in traits.refuses and b'"name"' in body)
    )


def _fit_messages(members: dict[str, Raw], traits: WireTraits, notes: Notes) -> bool:
    conversation = _decode_messages(members["messages"])
    changed = False
    for at, message in enumerate(conversation):
        changed = _fit_message(message, f"messages[{at}]", traits, notes) or changed
    if traits.alternating:
        said: list[dict[str, Any]] = [
            {name: _decode(value) if name in {"role", "content"} else value for name, value in message.items()}
            for message in conversation
        ]
        turns = alternated(said, notes)
        if len(turns) != len(said) or turns != said:
            members["messages"] = Raw(_encode(turns))
            return True
    if changed:
        members["messages"] = Raw(_encode(conversation))
    return changed


def _fit_message(message: dict[str, Raw], where: str, traits: WireTraits, notes: Notes) -> bool:
    changed = False
    if traits.developer_role is False and bytes(message.get("role", b"")) == b'"developer"':
        message["role"] = Raw(b'"system"')
        notes.emulate(f"{where}.role")
        changed = True
    if "name" in traits.refuses and "name" in message and bytes(message.get("role", b"")) != b'"tool"':
        del message["name"]
        notes.drop(f"{where}.name")
        changed = True
    if traits.reasoning_back is not None:
        changed = _fit_thoughts(message, traits) or changed
    if traits.tool_call_ids != "free":
        changed = _fit_ids(message, traits.tool_call_ids) or changed
    return changed


def _fit_thoughts(message: dict[str, Raw], traits: WireTraits) -> bool:
    """Leave out thoughts in members the provider does not know, and those that another one has signed."""
    known = _BACK[traits.reasoning_back or "never"]
    foreign = [name for name in _THOUGHTS if name in message and name not in known]
    wanted = traits.reasoning_back or ""
    if foreign and wanted in {"reasoning", "reasoning_content"} and wanted not in message:
        text = next((message[name] for name in foreign if bytes(message[name]).startswith(b'"')), None)
        if text is not None:
            message[wanted] = text
    for name in foreign:
        del message[name]
    if "reasoning_details" not in message or not traits.reasoning_formats:
        return bool(foreign)
    details = _decode(message["reasoning_details"])
    if not isinstance(details, list):
        return bool(foreign)
    own = [detail for detail in details if _is_own(detail, traits)]
    if len(own) == len(details):
        return bool(foreign)
    if own:
        message["reasoning_details"] = Raw(_encode(own))
    else:
        del message["reasoning_details"]
    return True


def _is_own(detail: object, traits: WireTraits) -> bool:
    form = detail.get("format") if isinstance(detail, dict) else None
    return form is None or form in traits.reasoning_formats


def _fit_ids(message: dict[str, Raw], form: str) -> bool:
    changed = False
    if (given := message.get("tool_call_id")) and bytes(given).startswith(b'"'):
        before = _decode_text(given)
        if (after := call_id(before, form)) != before:
            message["tool_call_id"] = Raw(_encode(after))
            changed = True
    if (calls := message.get("tool_calls")) and bytes(calls).startswith(b"["):
        pieces = _decode_messages(calls)
        for piece in pieces:
            changed = _fit_call(piece, form) or changed
        message["tool_calls"] = Raw(_encode(pieces))
    return changed


def _fit_call(call: dict[str, Raw], form: str) -> bool:
    if "id" not in call or not bytes(call["id"]).startswith(b'"'):
        return False
    before = _decode_text(call["id"])
    after = call_id(before, form)
    call["id"] = Raw(_encode(after))
    return after != before
