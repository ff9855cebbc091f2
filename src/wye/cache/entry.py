"""An answer in the form in which it is kept, and back."""

from array import array
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from wye.core.operations import EmbeddingsAnswer, OperationAnswer, RerankAnswer
from wye.core.plan import Attempt
from wye.core.response import ModelResponse, StreamChunk
from wye.core.usage import Usage

Form: TypeAlias = Literal["response", "chunks", "embeddings", "rerank"]
Answer = TypeVar("Answer", ModelResponse, OperationAnswer)

GOOD_ENDS: Final = frozenset({"stop", "tool_calls", "function_call"})
"""Why an answer ended that is worth keeping: it was neither cut off nor refused."""
_OVERHEAD: Final = 1024
"""Bytes that an entry takes in memory beside its payload, roughly and not less."""


class Entry(Struct, frozen=True, kw_only=True, array_like=True):
    """An answer that is kept, as JSON in `payload`.

    `tenant` is whose it is, `provider`, `model` and `alias` say who gave it, `at` is when (seconds since the epoch),
    `usage` what it took, `dropped` and `emulated` which parameters did not reach the provider as sent.
    """

    tenant: str
    form: Form
    provider: str
    model: str
    alias: str | None
    at: float
    usage: Usage | None
    dropped: tuple[str, ...]
    emulated: tuple[str, ...]
    payload: bytes

    @property
    def attempt(self) -> Attempt:
        """Who answered."""
        return Attempt(provider=self.provider, model=self.model, alias=self.alias, reason="its answer was kept")

    @property
    def size(self) -> int:
        """The bytes it takes."""
        return len(self.payload) + _OVERHEAD


def _listed(value: Any) -> Any:
    if isinstance(value, array):
        return value.tolist()
    raise TypeError(f"an answer holds a {type(value).__name__}")


# JSON, for what travels along undecoded in an answer is JSON already.
encode: Final = msgspec.json.Encoder(enc_hook=_listed).encode
_chunks = msgspec.json.Decoder(list[StreamChunk]).decode
_DECODE: Final[dict[Form, Any]] = {
    "response": msgspec.json.Decoder(ModelResponse).decode,
    "embeddings": msgspec.json.Decoder(EmbeddingsAnswer).decode,
    "rerank": msgspec.json.Decoder(RerankAnswer).decode,
}


def form_of(answer: ModelResponse | OperationAnswer) -> Form | None:
    """Return the form in which a whole answer is kept; `None` where it is not worth it."""
    if isinstance(answer, ModelResponse):
        ends = [choice.finish_reason for choice in answer.choices]
        return "response" if ends and all(end in GOOD_ENDS for end in ends) else None
    if isinstance(answer, EmbeddingsAnswer):
        return "embeddings"
    return "rerank" if isinstance(answer, RerankAnswer) else None


def unpack(entry: Entry) -> Any:
    """Return the whole answer that was kept. Raises `msgspec.DecodeError` where it is none."""
    return _DECODE[entry.form](entry.payload)


def unpack_chunks(recorded: bytes | bytearray | memoryview) -> Sequence[StreamChunk]:
    """Return the chunks of a recording, each of which ends in a comma."""
    return _chunks(b"[%b]" % bytes(recorded)[:-1])
