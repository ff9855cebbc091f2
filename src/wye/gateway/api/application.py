"""Composes the framework's application: the routes under their prefixes, and what every request passes."""

from typing import Any, Final

from litestar import Litestar, Request, Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import Scope
from msgspec import Struct

from wye import __version__
from wye.core.errors import (
    InvalidRequestError,
    MethodNotAllowedError,
    RouteNotFoundError,
    WyeError,
)
from wye.gateway.access import check_scope
from wye.gateway.api import (
    adding,
    batches,
    budgets,
    chat,
    choosing,
    conversations,
    documents,
    files,
    keys,
    limits,
    models,
    own,
    people,
    providers,
    reference,
    session,
    settings,
    telemetry,
    tools,
    training,
    usage,
    uses,
)
from wye.gateway.api.forms import Choosing
from wye.gateway.api.here import Here, here_of
from wye.gateway.api.reading import check_query, named, read_struct
from wye.registry import ModelRegistry

_NUL: Final = b"\\u0000"
"""As JSON writes it. PostgreSQL keeps no text with it."""
PROVIDER_PREFIXES: Final = ("/api/llm-providers", "/api/settings/llm-providers")
"""Both prefixes of the documents; they have the same routes from one definition."""


def build() -> Litestar:
    """Return the application; what it answers for comes with each request (see `Here`)."""
    return Litestar(
        [
            *(
                Router(
                    prefix,
                    route_handlers=[
                        *choosing.HANDLERS,
                        *providers.HANDLERS,
                        *adding.HANDLERS,
                        *telemetry.HANDLERS,
                        usage.replay_requests,
                    ],
                )
                for prefix in PROVIDER_PREFIXES
            ),
            Router("/api/usage", route_handlers=[*usage.HANDLERS]),
            Router("/api/models", route_handlers=[*models.HANDLERS, *own.MODEL_HANDLERS]),
            Router("/api/conversations", route_handlers=[*conversations.HANDLERS]),
            Router("/api/tools", route_handlers=[*tools.HANDLERS]),
            Router("/api/training", route_handlers=[*training.HANDLERS]),
            Router("/api/documents", route_handlers=[*documents.HANDLERS]),
            Router("/api/datasets", route_handlers=[*uses.DATASET_HANDLERS]),
            Router("/api/evaluations", route_handlers=[*uses.EVALUATION_HANDLERS]),
            Router("/api/keys", route_handlers=[*keys.HANDLERS]),
            Router("/api/budgets", route_handlers=[*budgets.HANDLERS]),
            Router("/api/limits", route_handlers=[*limits.HANDLERS]),
            Router("/v1/files", route_handlers=[*files.HANDLERS]),
            Router("/v1/batches", route_handlers=[*batches.HANDLERS]),
            Router("/api/settings", route_handlers=[*settings.HANDLERS]),
            Router(
                "/api",
                route_handlers=[
                    *chat.HANDLERS,
                    *people.HANDLERS,
                    *own.KEY_HANDLERS,
                    *session.HANDLERS,
                    *reference.HANDLERS,
                ],
            ),
        ],
        before_request=_check,
        dependencies={
            "here": Provide(_here, sync_to_thread=False),
            "registry": Provide(_registry, sync_to_thread=False),
        },
        exception_handlers={Exception: _hold_error},
        openapi_config=OpenAPIConfig(
            title="Wye",
            version=__version__,
            summary="Providers and models: what there is, how they are, which one to take.",
            use_handler_docstrings=True,
            render_plugins=[JsonRenderPlugin()],  # never reached: the document is served in our own form
        ),
        logging_config=None,
        request_max_body_size=None,
    )


def _here(scope: Scope) -> Here:
    return here_of(scope)


def _registry(scope: Scope) -> ModelRegistry:
    here = here_of(scope)
    return ModelRegistry(here.engine, here.caller)


async def _check(request: Request[Any, Any, Any]) -> None:
    """Check a request's scope, and its query and body strictly: the framework would take "3" for 3 and skip names."""
    check_scope(request.route_handler.opt.get("needs", ("admin",)), here_of(request.scope).caller)
    check_query(request)
    field = request.route_handler.parsed_data_field
    form = field.annotation if field is not None else None
    body = await request.body() if isinstance(form, type) and issubclass(form, Struct) else b""
    if isinstance(form, type) and issubclass(form, Struct):
        read_struct(body, form)
    url = request.scope["path"] + request.scope["query_string"].decode("latin-1")
    is_prompt = isinstance(form, type) and issubclass(form, Choosing)
    if "\0" in url or "%00" in url or (_NUL in body and not is_prompt):
        raise InvalidRequestError("the character U+0000 can be in no name and no value", code="invalid_value")


def _hold_error(request: Request[Any, Any, Any], error: Exception) -> Response[None]:
    """Keep an error for the gateway, where errors of every route become answers."""
    here = here_of(request.scope)
    here.error = _translated(error, here)
    return Response(content=None, status_code=getattr(error, "status_code", 500))


def _translated(error: Exception, here: Here) -> Exception:
    path = here.request.path
    match error:
        case WyeError():
            return error
        case NotFoundException():
            return RouteNotFoundError(f"there is no {path}; GET /api/openapi.json lists what there is")
        case MethodNotAllowedException():
            allowed = (error.headers or {}).get("allow", "")
            here.request.allow = allowed.encode()
            return MethodNotAllowedError(f"{path} takes {allowed}, not {here.request.method}")
        case ValidationException(extra=[{"key": key, "message": message}, *_]):
            name = named(key)
            return InvalidRequestError(f"'{name}': {message}".replace("`", ""), code="invalid_type", param=name)
        case HTTPException(status_code=status) if status < 500:
            return InvalidRequestError(error.detail)
    return error
