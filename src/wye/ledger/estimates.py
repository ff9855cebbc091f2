"""What a call consumed where its provider never said: the rule is published in docs/reference/books.md.

An answer that came to its end counts as its provider reported it. One that was cut, because the caller left or the
stream broke, and one whose provider reports nothing, count as:

- input: what the provider reported of it, at a stream's beginning say, else `estimate_input_tokens` of the request;
- output: a token for every four bytes of text that had come, rounded up, reasoning and tool arguments included, or
  what the provider had reported by then, if that is more.

A call that failed before anything came counts nothing; one whose caller left counts its input.
"""

from typing import Final

from msgspec import structs

from wye.core.errors import WyeError
from wye.core.estimate import estimate_input_tokens
from wye.core.operations import OperationCall
from wye.core.plan import Outcome
from wye.core.request import Call
from wye.core.usage import Usage

_BYTES_PER_TOKEN: Final = 4
_NOTHING: Final = Usage()
_MEASURED_IN_TEXT: Final = frozenset({"chat", "completions", "embeddings", "rerank", "moderation"})


def consumed(call: Call, outcome: Outcome) -> Usage | None:
    """Return what a call to a provider consumed, marked where it is estimated; `None` where nobody can tell."""
    usage = outcome.usage
    cut = outcome.cancelled or (outcome.error is not None and outcome.first_token is not None)
    if usage is not None and not usage.estimated and (not cut or outcome.finish_reason is not None):
        return usage
    if outcome.error is not None and not cut:
        return None if usage is not None and usage.estimated else usage
    if usage is None and call.operation == "count_tokens":
        return _NOTHING  # no provider charges for a count
    if usage is None and call.operation not in _MEASURED_IN_TEXT:
        return None
    produced = -(-outcome.produced // _BYTES_PER_TOKEN)
    if usage is None:
        return Usage(input_tokens=_input(call), output_tokens=produced, estimated=True)
    return structs.replace(usage, output_tokens=max(produced, usage.output_tokens), estimated=True)


def _input(call: Call) -> int:
    if isinstance(call, OperationCall):
        return -(-len(call.body) // _BYTES_PER_TOKEN)
    try:
        return estimate_input_tokens(call.chat)
    except WyeError:
        return -(-len(call.body) // _BYTES_PER_TOKEN)
