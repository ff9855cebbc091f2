"""Asks a model one thing in a caller's name, and reads an answer that has to have a form."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from wye.core.caller import Caller
from wye.core.errors import MalformedResponseError, ModelNotFoundError
from wye.core.request import Asked
from wye.core.usage import Usage
from wye.engine import Engine
from wye.surfaces import openai_chat

_S = TypeVar("_S", bound=Struct)
_TRIES: Final = 2
_FENCE: Final = "```"


class Told(Struct, frozen=True, kw_only=True):
    """An answer: who gave it, what it took (`cost` is USD, `None` where it is unknown) and the request's id."""

    text: str
    provider: str
    model: str
    usage: Usage | None
    cost: Decimal | None
    request_id: str

    @property
    def full_id(self) -> str:
        """The full id of the model that answered."""
        return f"{self.provider}/{self.model}"


class Formed(Struct, frozen=True, kw_only=True):
    """What an answer of a form says, and all that was asked for it; `cost` is `None` where any of it is unknown."""

    value: Any
    told: Sequence[Told]
    cost: Decimal | None


async def ask(
    engine: Engine,
    caller: Caller,
    messages: Sequence[Mapping[str, Any]],
    *,
    model: str,
    parent: str | None = None,
    conversation: str | None = None,
    tags: tuple[str, ...] = (),
    seconds: float | None = None,
    **parameters: Any,
) -> Told:
    """Ask `model` (any name, also `auto:cost`) for one answer to `messages` in OpenAI's form.

    It is an exchange like any other: planned, limited, on the books of `caller`, as part of the request `parent` and of
    a conversation where there are those. `parameters` that a wire cannot express are left out. Raises a `WyeError`.
    """
    body = msgspec.json.encode({"model": model, "messages": messages, **parameters})
    call = openai_chat.parse_request(body, Asked(drop_unsupported=True))
    exchange = engine.begin(call, caller=caller, timeout=seconds)
    exchange.parent, exchange.conversation, exchange.tags = parent, conversation, tags
    answer = await engine.complete(exchange)
    attempt = exchange.attempt
    return Told(
        text=answer.content,
        provider=attempt.provider if attempt is not None else "",
        model=attempt.model if attempt is not None else "",
        usage=answer.usage,
        cost=exchange.cost,
        request_id=exchange.id,
    )


def is_stand_in(engine: Engine, caller: Caller, model: str) -> bool:
    """Tell whether only a stand-in would answer, who understands nothing. Raises a `WyeError` where nobody would."""
    row = engine.model_for(caller, model, "chat")
    provider = engine.seen_by(caller).catalog.providers.get(row.provider)
    return provider is not None and provider.stand_in


async def ask_for(
    engine: Engine,
    caller: Caller,
    messages: Sequence[Mapping[str, Any]],
    form: type[_S],
    *,
    model: str,
    **more: Any,
) -> Formed:
    """Ask for an answer of a form, as JSON; one that does not fit is asked for once more, with what is wrong with it.

    The form is asked for natively where the model knows how (`json-schema`, or else `json-mode`), and in words anyway.
    Raises `MalformedResponseError` where the second one does not fit either, and as `ask` does.
    """
    schema = schema_of(form)
    words = f"Answer with one JSON object and nothing else. It has to fit this JSON schema:\n{_text(schema)}"
    asked = [*messages, {"role": "user", "content": words}]
    native = _native(engine, caller, model, form.__name__, schema)
    told: list[Told] = []
    problem = ""
    for _ in range(_TRIES):
        answer = await ask(engine, caller, asked, model=model, **native, **more)
        told.append(answer)
        try:
            value = msgspec.json.decode(_object_in(answer.text), type=form, strict=False)
        except msgspec.MsgspecError as error:
            problem = str(error).replace("`", "")
            again = f"That does not fit: {problem}. Answer again, with the JSON object alone."
            asked = [*asked, {"role": "assistant", "content": answer.text}, {"role": "user", "content": again}]
            continue
        return Formed(value=value, told=told, cost=total(one.cost for one in told))
    who = told[-1].full_id
    raise MalformedResponseError(f"{who} did not answer in the form asked for, twice: {problem}", provider=who)


def total(costs: Any) -> Decimal | None:
    """Return the sum of costs, `None` where one is unknown."""
    known = list(costs)
    return None if any(cost is None for cost in known) else sum(known, Decimal(0))


def schema_of(form: type[Struct]) -> dict[str, Any]:
    """Return the JSON schema of a form, without references."""
    (schema,), named = msgspec.json.schema_components([form], ref_template="{name}")
    found: dict[str, Any] = dict(named[schema["$ref"]])
    found.pop("title", None)
    return {**found, "additionalProperties": False, "required": list(found["properties"])}


def _native(engine: Engine, caller: Caller, model: str, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    try:
        can = engine.model_for(caller, model, "chat").capabilities
    except ModelNotFoundError:  # it may be there all the same, and only not in the catalog: asking tells
        return {}
    if "json-schema" in can:
        named = {"name": name, "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    return {"response_format": {"type": "json_object"}} if "json-mode" in can else {}


def _object_in(text: str) -> str:
    """Return the JSON object that a text holds: models like to talk around it."""
    begin, end = text.find("{"), text.rfind("}")
    return text[begin : end + 1] if 0 <= begin < end else text


def _text(schema: Mapping[str, Any]) -> str:
    return msgspec.json.encode(schema).decode()
