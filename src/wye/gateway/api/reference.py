"""The OpenAPI document of the application API, and a page that shows it without asking anybody else."""

import base64
import functools
import hashlib
import re
from importlib import resources
from typing import Any, Final

import msgspec
from litestar import Litestar, Request, Response, get
from msgspec import Struct

from wye.gateway.api import (
    adding_forms,
    answers,
    batch_forms,
    budget_forms,
    chat_forms,
    document_forms,
    forms,
    own_forms,
    people_forms,
    session_forms,
    tools,
    uses_forms,
)

FORMS: Final[tuple[type[Struct], ...]] = (
    *forms.FORMS,
    *people_forms.FORMS,
    *budget_forms.FORMS,
    *own_forms.FORMS,
    *session_forms.FORMS,
    *tools.FORMS,
    *uses_forms.FORMS,
    *adding_forms.FORMS,
    *document_forms.FORMS,
    *chat_forms.FORMS,
    *batch_forms.FORMS,
)
_encode = msgspec.json.Encoder().encode


def document(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI document: the framework's, with exact schemas, our errors, and an example for every body."""
    made: dict[str, Any] = app.openapi_schema.to_schema()
    schemas: dict[str, Any] = made["components"]["schemas"]
    _, exact = msgspec.json.schema_components([*FORMS, answers.DoneView], ref_template="#/components/schemas/{name}")
    schemas.update(exact)
    schemas["Error"] = _ERROR
    _number_money(schemas)
    bodies = {f"#/components/schemas/{form.__name__}": form for form in FORMS}
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            operation["operationId"] = _operation_id(method, path)
            operation["summary"] = operation["description"].partition("\n")[0].rstrip(".")
            operation["tags"] = [path.split("/")[2]]
            operation["responses"] = {
                **{status: told for status, told in operation["responses"].items() if status != "400"},
                "default": _FAILED,
            }
            _tell_export(operation["responses"].get("200", {}).get("content", {}))
            if "requestBody" in operation:
                _exemplify(operation["requestBody"], bodies)
    made["components"]["securitySchemes"] = {"adminKey": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{"adminKey": []}, {}]
    return made


def examples() -> dict[str, dict[str, Any]]:
    """Return bodies that work on any installation, by the form's name and their own."""
    found: dict[str, dict[str, Any]] = msgspec.json.decode(_read("examples.json"))
    return found


def _read(name: str) -> bytes:
    return resources.files("wye.gateway.api").joinpath(name).read_bytes()


def _number_money(schemas: dict[str, Any]) -> None:
    """Say that money is a number, as it is sent; the framework takes exact ones for texts."""
    for schema in schemas.values():
        cost = schema.get("properties", {}).get("cost", {})
        for one in (cost, *cost.get("oneOf", ()), *cost.get("anyOf", ())):
            if one.get("type") == "string":
                one["type"] = "number"
                one.pop("format", None)


def _tell_export(content: dict[str, Any]) -> None:
    """Say that what is made of rows alone is an array, or a CSV; the framework knows of texts only."""
    if content.get("application/json", {}).get("schema") == {"type": "string"}:
        content["application/json"]["schema"] = {"type": "array", "items": {"type": "object"}}
        content["text/csv"] = {"schema": {"type": "string"}}


def _exemplify(body: dict[str, Any], bodies: dict[str, type[Struct]]) -> None:
    if (media := body["content"].get("application/json")) is None:
        return  # a form with a file
    form = bodies[media["schema"]["$ref"]]
    media["examples"] = {
        _slug(name): {"summary": name, "value": value} for name, value in examples().get(form.__name__, {}).items()
    }
    body["required"] = any(field.required for field in msgspec.structs.fields(form))


def _operation_id(method: str, path: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", path.removeprefix("/api/").removeprefix("/v1/"))
    return method + "".join(word[0].upper() + word[1:] for word in words)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What went wrong. `code` is stable and may be matched on, `param` names the member at fault.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "code": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "provider": {"type": "string"},
            },
        }
    },
}
_FAILED: Final[dict[str, Any]] = {
    "description": "What went wrong, in one form for all routes",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}


@functools.lru_cache(maxsize=1)
def _encoded(app: Litestar) -> bytes:
    return _encode(document(app))


@functools.lru_cache(maxsize=1)
def _page() -> tuple[bytes, str]:
    """Return the page and the policy under which a browser runs nothing but its own script and style."""
    page = _read("docs.html")
    (script,) = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    (style,) = re.findall(rb"<style>(.*?)</style>", page, re.DOTALL)
    policy = (
        f"default-src 'none'; connect-src 'self'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _digest(text: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"


@get("/openapi.json", include_in_schema=False, opt={"needs": ()})
async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the OpenAPI document."""
    return Response(_encoded(request.app), media_type="application/json")


@get("/docs", include_in_schema=False, opt={"needs": ()})
async def page() -> Response[bytes]:
    """Return the page."""
    body, policy = _page()
    headers = {"content-security-policy": policy, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
    return Response(body, media_type="text/html; charset=utf-8", headers=headers)


HANDLERS: Final = (openapi, page)
