"""The bodies about data sets and about judging answers."""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from wye.assistant.uses.datasets import MAX_TOKENS
from wye.gateway.api.forms import Form

_Text: TypeAlias = Annotated[str, Meta(max_length=400_000)]
_Said: TypeAlias = Annotated[str, Meta(min_length=1, max_length=400_000)]
_Name: TypeAlias = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
_Criterion: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class DatasetForm(Form, frozen=True, kw_only=True):
    """A data set to be checked; `wye datasets validate` reads files of any size."""

    content: Annotated[str, Meta(max_length=16_000_000, description="JSONL: an object with `messages` in each line")]
    max_tokens: Annotated[int, Meta(ge=1, le=10**9, description="what one example may be long")] = MAX_TOKENS


class AnswerForm(Form, frozen=True, kw_only=True):
    """An answer to be judged."""

    text: _Text
    model: Annotated[_Name, Meta(description="what it is from; told to nobody who judges")] = ""


class JudgeForm(Form, frozen=True, kw_only=True):
    """One answer to be marked, or two of which the better one is wanted."""

    question: _Said
    answers: Annotated[list[AnswerForm], Meta(min_length=1, max_length=2, description="one: marks; two: a verdict")]
    judge: Annotated[_Name, Meta(min_length=1, description="any name of a model, an alias, `auto:<strategy>`")] = (
        "auto:quality"
    )
    reference: Annotated[_Text, Meta(description="a good answer to hold them against")] | None = None
    criteria: (
        Annotated[
            dict[_Criterion, _Name],
            Meta(max_length=10, description="what counts, with what each of them means or an empty text"),
        ]
        | None
    ) = None
    name: Annotated[_Name, Meta(description="what this is part of, for lists and figures")] = ""
    keep: Annotated[bool, Meta(description="keep the verdict (never the texts) for lists and figures")] = True


FORMS: Final[tuple[type[Form], ...]] = (DatasetForm, JudgeForm)
