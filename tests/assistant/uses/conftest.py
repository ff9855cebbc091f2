"""An engine whose models answer what a test tells them to, and keep what they were asked."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any, TypeAlias

import pytest_asyncio
from msgspec import structs

from wye import catalog
from wye.catalog.schema import ModelInfo, Price
from wye.config import Settings
from wye.core.content import Text
from wye.core.errors import UpstreamError
from wye.core.request import ChatRequest
from wye.core.response import Choice, ModelResponse
from wye.core.usage import Usage
from wye.dispatch.in_process import BaseModelProvider
from wye.engine import Engine

Says: TypeAlias = Callable[[str], str | None]


class Scripted(BaseModelProvider):
    """Answers what `says` returns for the whole text of a request; `None` is a failure."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[ChatRequest] = []
        self.says: Says = lambda _: "Fine."

    async def generate(self, request: ChatRequest) -> ModelResponse:
        self.asked.append(request)
        answer = self.says(text_of(request))
        if answer is None:
            raise UpstreamError("it is broken")
        return ModelResponse(
            choices=(Choice(content=answer, finish_reason="stop"),), usage=Usage(input_tokens=100, output_tokens=10)
        )


def text_of(request: ChatRequest) -> str:
    """Return everything that a request says."""
    return "\n".join(part.text for message in request.messages for part in message.parts if isinstance(part, Text))


class House(Engine):
    """An engine with its scripted provider, `house`."""

    scripted: Scripted


def model(name: str, *can: Any, dollars: int = 1) -> ModelInfo:
    return ModelInfo(
        id=name,
        provider="house",
        capabilities=frozenset({"text", *can}),
        context_window=100_000,
        price=Price(input=Decimal(dollars), output=Decimal(dollars), source="a test"),
    )


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    """Return an engine where `house` alone answers, with a model for each way to ask for a form."""
    engine = House(structs.replace(Settings()), catalog.load())
    engine.scripted = Scripted()
    engine.rules = structs.replace(engine.rules, retry=None)
    rows = [model("strict", "json-schema"), model("loose", "json-mode", dollars=2), model("plain", dollars=3)]
    engine.register("house", engine.scripted, rows)
    engine.rules = structs.replace(engine.rules, retry=None)
    yield engine
    await engine.aclose()
