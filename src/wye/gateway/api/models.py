"""Routes under `/api/models`: the same facts in short, and answers from whichever model is best."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from litestar.response.base import ASGIResponse

from wye.gateway import chat
from wye.gateway.api import choosing
from wye.gateway.api.answers import AnswerView, Told
from wye.gateway.api.asking import open_exchange
from wye.gateway.api.forms import GenerateForm, TryForm
from wye.gateway.api.here import Here
from wye.gateway.api.providers import ProviderView, TryView, provider_views, tried
from wye.gateway.api.views import View


class ProvidersView(View, frozen=True, kw_only=True):
    """The providers there are; the ones that can be used come first."""

    providers: Sequence[ProviderView]
    total_providers: int
    available_providers: int


class Answer(ASGIResponse):
    """An answer that the gateway sends itself, as it does for every other client API."""

    __slots__ = ("_form", "_here", "_stream")

    def __init__(self, here: Here, form: GenerateForm, *, stream: bool) -> None:
        """Ask for what `form` says."""
        super().__init__()
        self._here = here
        self._form = form
        self._stream = stream

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the answer; an error before its first byte is raised."""
        del scope, receive, send
        here, request = self._here, self._here.request
        exchange = open_exchange(here, self._form, stream=self._stream)
        request.exchange = exchange
        told = Told(exchange)
        if self._stream:
            here.status = await chat.answer_stream(
                here.engine, told, exchange, here.departure, request.outlet, keep_alive=here.keep_alive
            )
        else:
            here.status = await chat.answer_whole(here.engine, told, exchange, here.departure, request.outlet)


_WHOLE: Final = {200: ResponseSpec(AnswerView, generate_examples=False, description="The answer and its account")}
_EVENTS: Final = {
    200: ResponseSpec(
        str,
        generate_examples=False,
        media_type="text/event-stream",
        description="Server-sent events, each a JSON object with a `type`: `content` and `reasoning` bring `text`, "
        "`toolCall` a piece of a call, `done` the account; `error` ends a stream that failed",
    )
}


@get("/providers", opt=choosing.LOOKING)
async def list_providers(here: NamedDependency[Here]) -> ProvidersView:
    """List providers, those that can be used first."""
    views = sorted(
        provider_views(here.engine, inside=here.caller.may("admin")).values(),
        key=lambda view: (not view.available, view.id),
    )
    available = sum(view.available for view in views)
    return ProvidersView(providers=views, total_providers=len(views), available_providers=available)


@post("/generate", status_code=200, responses=_WHOLE, opt={"needs": ("use",)})
async def generate(here: NamedDependency[Here], data: JSONBody[GenerateForm]) -> Answer:
    """Answer a conversation by the model that is named, or by the one that suits best."""
    return Answer(here, data, stream=False)


@post("/stream", status_code=200, responses=_EVENTS, opt={"needs": ("use",)})
async def stream(here: NamedDependency[Here], data: JSONBody[GenerateForm]) -> Answer:
    """Answer a conversation in pieces, as server-sent events."""
    return Answer(here, data, stream=True)


@post("/test", status_code=200)
async def test(here: NamedDependency[Here], data: JSONBody[TryForm]) -> TryView:
    """Try a model or a provider out; say what to mend where it fails."""
    return await tried(here.engine, data)


HANDLERS: Final = (*choosing.BARE_HANDLERS, list_providers, generate, stream, test)
