"""What models do beside chat: embeddings, reranking, and what is only passed on (images, audio, moderation)."""

import base64
import functools
from array import array
from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import add
from sys import byteorder
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from msgspec import Raw, Struct, field, structs

from wye.core.errors import InvalidRequestError, UnsupportedOperationError
from wye.core.request import NOTHING_ASKED, Asked, Call, ChatRequest, Operation
from wye.core.usage import SUMMED, Usage

Encoding: TypeAlias = Literal["float", "base64"]
InputType: TypeAlias = Literal["query", "document", "classification", "clustering"]


class EmbeddingsRequest(Struct, frozen=True, kw_only=True):
    """Texts to be embedded, or the tokens of each.

    `dimensions` is the length of the vectors, the model's own where it is `None`. `input_type` says what the texts are
    for, to models that make a difference. `extra` is what OpenAI's wire does not define; it travels as it is.
    """

    texts: tuple[str, ...] = ()
    tokens: tuple[tuple[int, ...], ...] = ()
    dimensions: int | None = None
    encoding: Encoding = "float"
    input_type: InputType | None = None
    user: str | None = None
    extra: Mapping[str, Raw] = field(default_factory=dict)


class RerankRequest(Struct, frozen=True, kw_only=True):
    """Documents to be put in the order of their relevance to `query`; the best `top_n`, or all of them.

    `max_tokens_per_doc` cuts longer documents. `extra` is what Cohere's wire does not define.
    """

    query: str
    documents: tuple[str, ...]
    top_n: int | None = None
    return_documents: bool = False
    max_tokens_per_doc: int | None = None
    extra: Mapping[str, Raw] = field(default_factory=dict)


class ForwardedRequest(Struct, frozen=True, kw_only=True):
    """A body that only goes through, in OpenAI's form: JSON, or a form with files.

    `model_at` is where in a form the model's name stands, `None` where it says none. `characters` are those of a text
    to be spoken.
    """

    content_type: str = "application/json"
    model_at: tuple[int, int] | None = None
    characters: int = 0


_Request = TypeVar("_Request", bound=EmbeddingsRequest | RerankRequest | ForwardedRequest)


class OperationCall(Call, Generic[_Request]):
    """A call that asks for something other than chat; `request` says what."""

    __slots__ = ("request",)

    def __init__(
        self,
        *,
        operation: Operation,
        wire: str,
        body: bytes,
        model: str,
        request: _Request,
        asked: Asked = NOTHING_ASKED,
    ) -> None:
        """Hold a request; `wire` is the wire format of `body`."""
        super().__init__(wire=wire, body=body, model=model, decode=_no_chat, operation=operation, asked=asked)
        self.request = request


def _no_chat(body: bytes) -> ChatRequest:
    del body
    raise InvalidRequestError("this request is not a chat")


class OperationAnswer(Struct, frozen=True, kw_only=True):
    """What every answer has.

    `model` and `provider` are the catalog's names of who answered, `cost` is USD or `None` where a price or the usage
    is unknown. `raw` holds the body as received from a provider of wire format `wire`, which called the model
    `upstream_model`.
    """

    id: str = ""
    model: str = ""
    provider: str = ""
    usage: Usage | None = None
    cost: Decimal | None = None
    wire: str = ""
    raw: bytes | None = None
    upstream_model: str = ""


class EmbeddingsAnswer(OperationAnswer, frozen=True, kw_only=True):
    """A vector for each text, in the texts' order; none where the caller gets `raw` and nobody else looks at them."""

    vectors: tuple[Sequence[float], ...] = ()


class RankedDocument(Struct, frozen=True, kw_only=True):
    """A document's place in the request, and how well it fits: more is better, the scale is the model's own."""

    index: int
    relevance_score: float


class RerankAnswer(OperationAnswer, frozen=True, kw_only=True):
    """The documents, best first."""

    results: tuple[RankedDocument, ...] = ()


class ForwardedAnswer(OperationAnswer, frozen=True, kw_only=True):
    """A body that only goes through: JSON, events, sound."""

    body: bytes = b""
    content_type: str = "application/json"


def joined(answers: Sequence[EmbeddingsAnswer]) -> EmbeddingsAnswer:
    """Make one answer of those to the parts of a request that a wire could not say at once."""
    if len(answers) == 1:
        return answers[0]
    vectors = tuple(vector for answer in answers for vector in answer.vectors)
    usage = total([answer.usage for answer in answers])
    return structs.replace(answers[0], vectors=vectors, usage=usage, raw=None)


def total(usages: Sequence[Usage | None]) -> Usage | None:
    """Add usages up; `None` where one of them is unknown, or where there are none."""
    known = [usage for usage in usages if usage is not None]
    if not known or len(known) < len(usages):
        return None
    return functools.reduce(_plus, known)


def _plus(one: Usage, other: Usage) -> Usage:
    sums = {name: add(getattr(one, name), getattr(other, name)) for name in SUMMED}
    told = None
    if one.reported_cost is not None and other.reported_cost is not None:
        told = one.reported_cost + other.reported_cost
    return Usage(**sums, reported_cost=told, estimated=one.estimated or other.estimated)


def to_base64(vector: Sequence[float]) -> str:
    """Write a vector as OpenAI does: 32-bit floats, least significant byte first, in base64."""
    return base64.b64encode(_little(array("f", vector)).tobytes()).decode()


def from_base64(text: str) -> Sequence[float]:
    """Read a vector as OpenAI writes it. Raises `ValueError` where it is none."""
    values = array("f")
    values.frombytes(base64.b64decode(text, validate=True))
    return _little(values)


def _little(values: "array[float]") -> "array[float]":
    if byteorder == "big":
        values.byteswap()
    return values


def unsupported(operation: Operation, model: str) -> UnsupportedOperationError:
    """Make the error for a model whose provider or wire format has no such operation."""
    return UnsupportedOperationError(f"{model!r} cannot do {NAMES[operation]}; choose another model", param="model")


NAMES: Final[Mapping[Operation, str]] = {
    "chat": "chat",
    "completions": "completions of a prompt",
    "embeddings": "embeddings",
    "rerank": "reranking",
    "image_generation": "image generation",
    "image_edit": "image editing",
    "transcription": "transcription",
    "translation": "translation of speech",
    "speech": "speech",
    "moderation": "moderation",
    "count_tokens": "counting tokens",
}
"""Every operation in words."""
