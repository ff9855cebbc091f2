"""The bodies of chats and conversations."""

from typing import Annotated, Any, Final, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from wye.gateway.api.forms import Context, Form, Options

_Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100)]
_Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
_Tools: TypeAlias = Annotated[
    list[_Name],
    Meta(max_length=64, description="names of tools, as `GET /api/tools` lists them; absent: the settings'"),
]
_Tags: TypeAlias = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=32)]
_Title: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
_Instructions: TypeAlias = Annotated[
    str, Meta(max_length=20_000, description="what the model is told before the conversation")
]
_Dollars: TypeAlias = Annotated[
    float, Meta(gt=0, le=10**6, description="USD that the answer may cost with all its rounds")
]
_Rounds: TypeAlias = Annotated[int, Meta(ge=0, le=50, description="how often tools may be run")]


class AttachmentForm(Form, frozen=True, kw_only=True):
    """Something sent along: a picture, a PDF or a text."""

    name: Annotated[str, Meta(max_length=300)] = ""
    data: Annotated[str, Meta(description="a data URL: `data:image/png;base64,…`")] | None = None
    text: Annotated[str, Meta(description="instead of `data`: a text")] | None = None


class AnsweringForm(Form, frozen=True, kw_only=True):
    """Of whom an answer is wanted, and how."""

    provider: Annotated[str, Meta(description="with `model`, or alone for its default model")] | None = None
    model: Annotated[str, Meta(description="any name of a model, an alias, `auto` or `auto:<strategy>`")] | None = None
    strategy: Annotated[str, Meta(description="instead of a model: `cost`, `performance`, `quality`, …")] | None = None
    context: Context | None = None
    options: Options | None = None
    tools: _Tools | None = None
    agent: Annotated[str, Meta(description="one that `GET /api/agents` lists")] | None = None
    max_rounds: _Rounds | None = None
    max_cost_usd: _Dollars | None = None


class ChatMessageForm(AnsweringForm, frozen=True, kw_only=True):
    """A message: the first one of a conversation, or the next one."""

    message: str
    attachments: list[AttachmentForm] = field(default_factory=list)
    conversation: Annotated[_Id, Meta(description="the one to go on with; absent: a new one")] | None = None
    instructions: _Instructions | None = None
    keep: Annotated[bool, Meta(description="`false`: the turn is not kept, and begins no conversation")] = True


class ChatForm(Form, frozen=True, kw_only=True):
    """A conversation that the caller keeps; names as in the documents. A message may name its model as well."""

    messages: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=10_000, description="in OpenAI's form")]
    model_id: Annotated[str, Meta(description="any name of a model")] | None = field(default=None, name="model_id")
    temperature: float | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=10**9)] | None = field(default=None, name="max_tokens")
    tools: _Tools | None = None
    max_rounds: _Rounds | None = field(default=None, name="max_rounds")
    max_cost_usd: _Dollars | None = field(default=None, name="max_cost_usd")


class AnalyticsChatForm(ChatForm, frozen=True, kw_only=True):
    """A conversation about the books; all analytics tools are there where none are named."""


class EditForm(AnsweringForm, frozen=True, kw_only=True):
    """What the user says instead; the answer is on a branch of its own."""

    message: str
    attachments: list[AttachmentForm] | None = None


class RegenerateForm(AnsweringForm, frozen=True, kw_only=True):
    """Which answer is to be given again: of whom, and how."""

    message_id: Annotated[_Id, Meta(description="the answer, or the question; absent: the last one")] | None = None


class ConversationForm(Form, frozen=True, kw_only=True):
    """A conversation in which nothing is said yet."""

    title: _Title | None = None
    agent: Annotated[str, Meta(max_length=64)] | None = None
    instructions: _Instructions | None = None
    tags: _Tags = field(default_factory=list)
    metadata: Annotated[dict[str, Any], Meta(max_length=50, description="whatever belongs to it")] | None = None


class ConversationUpdateForm(Form, frozen=True, kw_only=True):
    """What to change about a conversation; `head` is the message to go on from."""

    title: _Title | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    tags: _Tags | UnsetType = UNSET
    instructions: _Instructions | UnsetType | None = UNSET
    metadata: Annotated[dict[str, Any], Meta(max_length=50)] | UnsetType | None = UNSET
    head: _Id | UnsetType = UNSET


class TitleForm(Form, frozen=True, kw_only=True):
    """What a title is wanted for: a conversation that is kept, which then has it, or messages."""

    messages: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=1000)] | None = None
    conversation: _Id | None = None
    model: Annotated[str, Meta(description="absent: the settings'")] | None = None


FORMS: Final[tuple[type[Form], ...]] = (
    ChatMessageForm,
    ChatForm,
    AnalyticsChatForm,
    EditForm,
    RegenerateForm,
    ConversationForm,
    ConversationUpdateForm,
    TitleForm,
)
