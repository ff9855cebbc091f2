"""Fits a JSON schema to what Anthropic's structured outputs take.

Source: https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs#json-schema-limitations.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw

_NOT_TAKEN: Final = frozenset({
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
    "uniqueItems", "minProperties", "maxProperties", "patternProperties", "propertyNames", "not", "if", "then", "else",
    "oneOf", "contains", "prefixItems",
})  # fmt: skip
_NAMED: Final = ("properties", "$defs", "definitions")
"""Members that map names, which may be anything, to schemas."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class _NotTakenError(Exception):
    pass


def native_schema(schema: Raw) -> Raw | None:
    """Return a schema as the wire takes it, with every object closed; `None` for one that it does not take.

    An object that lists its members and says nothing of others is closed by that: what the model then answers fits the
    caller's schema as well.
    """
    try:
        return Raw(_encode(_closed(_decode(bytes(schema)))))
    except (_NotTakenError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if not _NOT_TAKEN.isdisjoint(schema) or schema.get("minItems", 0) not in {0, 1}:
        raise _NotTakenError
    out = {name: _members(name, value) for name, value in schema.items()}
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema:
        if schema.get("additionalProperties", False) is not False or "properties" not in schema:
            raise _NotTakenError
        out["additionalProperties"] = False
    return out


def _members(name: str, value: Any) -> Any:
    if name in _NAMED and isinstance(value, dict):
        return {inner: _closed(schema) for inner, schema in value.items()}
    if name in {"enum", "const", "default", "examples", "required"}:
        return value
    return _closed(value)
