"""Routes of chats: a message with everything around it, a conversation that the caller keeps, and the agents."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from wye.assistant.talks.question import Question
from wye.core.errors import InvalidRequestError
from wye.gateway.api.chat_forms import AnalyticsChatForm, AnsweringForm, ChatForm, ChatMessageForm
from wye.gateway.api.choosing import LOOKING
from wye.gateway.api.forms import Options
from wye.gateway.api.here import Here
from wye.gateway.api.turn_views import ChatView, TurnView, chat_view, turn_view
from wye.gateway.api.turning import TurnAnswer, attachments_of, question_of
from wye.gateway.api.views import View

ANALYTICS: Final = (
    "calculator", "evaluation_metrics", "datetime", "system_monitor", "session_analysis", "user_cohorts", "export_data",
    "cache_metrics", "training_metrics", "training_predictions", "advanced_analytics",
)  # fmt: skip
"""The tools of the analytics chat, as the documents list them."""
_ANALYST: Final = (
    "You answer questions about the requests, costs, latencies and errors that this gateway has on its books. Get the "
    "figures from the tools, name the period they are of, and say so where there are none; never make one up."
)
_LLM_MODEL_ID: Final = "llm_model_id"
USE: Final = {"needs": ("use",)}


class AgentView(View, frozen=True, kw_only=True):
    """Somebody to talk to; its instructions are shown to admins alone. `maxCostUsd` is USD for one answer."""

    name: str
    description: str
    model: str | None
    tools: Sequence[str]
    max_rounds: int
    max_cost_usd: float | None
    instructions: str | None


class AgentsView(View, frozen=True, kw_only=True):
    """The agents that the settings file describes."""

    agents: Sequence[AgentView]


def whole(kind: type[View], description: str = "The answer and its account") -> dict[int, ResponseSpec]:
    """Return how a whole answer is described."""
    return {200: ResponseSpec(kind, generate_examples=False, description=description)}


EVENTS: Final = {
    200: ResponseSpec(
        str,
        generate_examples=False,
        media_type="text/event-stream",
        description="Server-sent events, each a JSON object with a `type`: `start` names the conversation, `content` "
        "and `reasoning` bring `text`, `toolCall` a call with whole `arguments`, `toolResult` what came of it, `done` "
        "all that the whole answer has; `error` ends a stream that failed",
    )
}


def _message(here: Here, data: ChatMessageForm) -> Question:
    return question_of(
        here,
        data,
        text=data.message,
        sent=attachments_of(here, data.attachments),
        conversation=data.conversation,
        instructions=data.instructions or "",
        keep=data.keep and here.turns.config.keep,
    )


@post("/chat/message", status_code=200, responses=whole(TurnView), opt=USE)
async def message(here: NamedDependency[Here], data: JSONBody[ChatMessageForm]) -> TurnAnswer:
    """Answer a message, in a conversation that is kept."""
    return TurnAnswer(here, _message(here, data), turn_view)


@post("/chat/message/stream", status_code=200, responses=EVENTS, opt=USE)
async def message_stream(here: NamedDependency[Here], data: JSONBody[ChatMessageForm]) -> TurnAnswer:
    """Answer a message as events: text as it comes, tools as they are called, at the end all that it took."""
    return TurnAnswer(here, _message(here, data), turn_view, stream=True)


def _whole_conversation(here: Here, data: ChatForm, *, tools: Sequence[str] | None, instructions: str) -> Question:
    options = Options(temperature=data.temperature, max_tokens=data.max_tokens)
    form = AnsweringForm(
        model=data.model_id or _named_in(data.messages),
        tools=None if tools is None else list(tools),
        options=options,
        max_rounds=data.max_rounds,
        max_cost_usd=data.max_cost_usd,
    )
    messages = [{name: value for name, value in one.items() if name != _LLM_MODEL_ID} for one in data.messages]
    return question_of(here, form, text="", messages=messages, instructions=instructions, keep=False)


def _named_in(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the model that a message names, as the documents' analytics chat has it."""
    named = messages[0].get(_LLM_MODEL_ID)
    if named is not None and not isinstance(named, str):
        where = f"messages[0].{_LLM_MODEL_ID}"
        raise InvalidRequestError(f"'{where}' is the name of a model", code="invalid_type", param=where)
    return named


@post("/chat", status_code=200, responses=whole(ChatView), opt=USE)
async def chat(here: NamedDependency[Here], data: JSONBody[ChatForm]) -> TurnAnswer:
    """Answer a conversation that the caller keeps."""
    return TurnAnswer(here, _whole_conversation(here, data, tools=data.tools, instructions=""), chat_view)


@post("/chat/stream", status_code=200, responses=EVENTS, opt=USE)
async def chat_stream(here: NamedDependency[Here], data: JSONBody[ChatForm]) -> TurnAnswer:
    """Answer a conversation that the caller keeps, as events."""
    question = _whole_conversation(here, data, tools=data.tools, instructions="")
    return TurnAnswer(here, question, chat_view, stream=True)


def _analytics(here: Here, data: AnalyticsChatForm) -> Question:
    usable = [tool.name for tool in here.tools.box.usable(here.caller, ANALYTICS)]
    return _whole_conversation(here, data, tools=usable if data.tools is None else data.tools, instructions=_ANALYST)


@post("/analytics/chat", status_code=200, responses=whole(ChatView), opt=USE)
async def analytics_chat(here: NamedDependency[Here], data: JSONBody[AnalyticsChatForm]) -> TurnAnswer:
    """Answer a question about the books, with the analytics tools, which show what the caller may see."""
    return TurnAnswer(here, _analytics(here, data), chat_view)


@post("/analytics/chat/stream", status_code=200, responses=EVENTS, opt=USE)
async def analytics_chat_stream(here: NamedDependency[Here], data: JSONBody[AnalyticsChatForm]) -> TurnAnswer:
    """Answer a question about the books, as events."""
    return TurnAnswer(here, _analytics(here, data), chat_view, stream=True)


@get("/agents", opt=LOOKING)
async def list_agents(here: NamedDependency[Here]) -> AgentsView:
    """List the agents that can be talked to."""
    settings = here.engine.snapshot.settings
    config, inside = settings.chat, here.caller.may("admin")
    return AgentsView(
        agents=[
            AgentView(
                name=name,
                description=one.description,
                model=one.model,
                tools=one.tools,
                max_rounds=config.max_rounds if one.max_rounds is None else one.max_rounds,
                max_cost_usd=_dollars(one.max_cost_usd or config.max_cost_usd),
                instructions=one.instructions if inside else None,
            )
            for name, one in settings.agents.items()
        ]
    )


def _dollars(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


HANDLERS: Final = (
    message, message_stream, chat, chat_stream, analytics_chat, analytics_chat_stream, list_agents,
)  # fmt: skip
