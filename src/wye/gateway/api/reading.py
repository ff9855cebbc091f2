"""Reads what a caller sends strictly, and names the nearest known name where one is unknown."""

import difflib
import re
from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from wye.core.errors import InvalidRequestError
from wye.surfaces import decode_request

_T = TypeVar("_T", bound=Struct)
_UNKNOWN: Final = re.compile(r"unknown field (\S+)$")


def read_struct(body: bytes, form: type[_T]) -> _T:
    """Decode a body as `form`; raise `InvalidRequestError` that names the member at fault, and near names."""
    try:
        return decode_request(msgspec.json.Decoder(form).decode, body)
    except InvalidRequestError as error:
        found = _UNKNOWN.search(error.message)
        if found is None:
            raise
        name = f"{error.param}.{found[1]}" if error.param else found[1]
        raise unknown(name, found[1], _members(form, error.param), "member") from None


def check_query(request: Any) -> None:
    """Raise `InvalidRequestError` for a parameter of the query that is unknown, comes twice, or holds NUL."""
    known = request.route_handler.opt.get("query", {})
    for name, values in request.query_params.dict().items():
        if name not in known:
            raise unknown(name, name, known, "parameter")
        if any("\0" in value for value in values):
            message = f"the parameter {name!r} holds a character that no name has"
            raise InvalidRequestError(message, code="invalid_value", param=name)
        if len(values) > 1 and not known[name]:
            raise InvalidRequestError(f"the parameter {name!r} may be given once", code="invalid_value", param=name)


def named(parameter: str) -> str:
    """Return the name that callers know a handler's parameter by."""
    head, *rest = parameter.split("_")
    return head + "".join(word.title() for word in rest)


def unknown(param: str, name: str, known: Iterable[str], kind: str) -> InvalidRequestError:
    """Return the error about an unknown name."""
    names = list(known)
    by_lower = {_plain(one): one for one in names}
    near = [by_lower[one] for one in difflib.get_close_matches(_plain(name), by_lower, 3)]
    others = f"near names: {', '.join(near)}" if near else f"known are: {', '.join(names) or 'none'}"
    return InvalidRequestError(f"there is no {kind} {name!r}; {others}", code="unknown_field", param=param)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _members(form: type[Struct], path: str | None) -> list[str]:
    """Return the names of the members at `path` within a form."""
    info: Any = msgspec.inspect.type_info(form)
    for step in (path or "").split("."):
        name = step.partition("[")[0]
        inner = next((field.type for field in info.fields if field.encode_name == name), None) if name else info
        info = _struct_in(inner) or info
    return [field.encode_name for field in info.fields]


def _struct_in(info: Any) -> Any:
    """Return the struct that a type is, or holds."""
    if isinstance(info, msgspec.inspect.StructType):
        return info
    if isinstance(info, msgspec.inspect.UnionType):
        return next((found for one in info.types if (found := _struct_in(one))), None)
    if isinstance(info, msgspec.inspect.ListType):
        return _struct_in(info.item_type)
    return None
