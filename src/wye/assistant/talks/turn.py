"""One turn of a chat: what was said before, the question, the answer with its tools; both kept once there is one."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeAlias

from msgspec import Struct, structs

from wye.assistant import loop
from wye.assistant.documents.reading import Reading
from wye.assistant.talks.history import Belongs, Draft, Fitted, History, Past
from wye.assistant.talks.keeping import Keeping, Thread
from wye.assistant.talks.papers import as_texts
from wye.assistant.talks.question import Question
from wye.assistant.talks.sent import content_of
from wye.assistant.tools.box import Tools
from wye.config.talks import AgentConfig, ChatConfig
from wye.core.errors import ContextLengthError, InvalidRequestError, RouteNotFoundError, StoreUnavailableError
from wye.engine import Engine
from wye.toolloop import Answered, Ask, Done, Event, Failed, TextDelta

_log = logging.getLogger(__name__)
_HALF: Final = 2
"""A provider that finds a conversation too long, whatever the catalog says, is asked again with so much less of it."""


class Turn(Struct, frozen=True, kw_only=True):
    """What came of a turn: the answer, what it was fitted to, and where both sides are kept, if they are.

    `as_texts` PDFs were sent as their text, to a model that reads none.
    """

    answer: Answered
    fitted: Fitted
    tools: Sequence[str] = ()
    as_texts: int = 0
    conversation: str | None = None
    title: str | None = None
    user_message: str | None = None
    message: str | None = None


class Begun(Struct, frozen=True, kw_only=True):
    """An answer begins; `conversation` is the id of the one in which it will be kept."""

    conversation: str | None


TurnEvent: TypeAlias = Begun | Event | Turn
"""What happens in a turn as it comes: `Begun` first, and a `Turn` upon `Done`, or else `Failed`, at last."""


class Turns:
    """Takes turns, for all callers of an engine."""

    def __init__(self, engine: Engine, tools: Tools) -> None:
        """Keep conversations in the engine's store, where it has one."""
        self._engine = engine
        self._tools = tools
        self._reading = Reading(engine.snapshot.settings.tools.document_search)
        self.keeping = Keeping(engine)

    @property
    def config(self) -> ChatConfig:
        """How conversations are held now."""
        return self._engine.snapshot.settings.chat

    def agent(self, name: str | None) -> AgentConfig | None:
        """Return an agent. Raises `RouteNotFoundError`, which names those there are."""
        if name is None:
            return None
        agents = self._engine.snapshot.settings.agents
        if name not in agents:
            there = ", ".join(sorted(agents)) or "none; write [agents.<name>] into the settings file"
            raise RouteNotFoundError(
                f"there is no agent {name!r}; there are: {there}", code="agent_not_found", param="agent"
            )
        return agents[name]

    async def answer(self, question: Question) -> Turn:
        """Return the answer as a whole. Raises a `WyeError`; then nothing is kept."""
        prepared = await self._prepared(question, stream=False)
        while True:
            fitted = await prepared.fit()
            try:
                answer = await loop.run(self._engine, self._tools.box, prepared.ask(fitted), prepared.tools)
            except ContextLengthError:
                if not prepared.shrink(fitted):
                    raise
                continue
            return await self._kept(prepared, fitted, answer)

    async def stream(self, question: Question) -> AsyncGenerator[TurnEvent]:
        """Yield what happens. An error before the first event is raised, one after it is the last event.

        Whoever leaves early finds what was said by then in the conversation.
        """
        prepared = await self._prepared(question, stream=True)
        while True:
            fitted = await prepared.fit()
            heard = _Heard()
            try:
                pieces = loop.stream(self._engine, self._tools.box, prepared.ask(fitted), prepared.tools)
                async with aclosing(pieces) as events:
                    async for event in events:
                        if not heard.begun:
                            kept = prepared.thread if question.keep else None
                            yield Begun(conversation=None if kept is None else kept.id)
                        heard.add(event)
                        yield event
                        if isinstance(event, Done):
                            turn = await self._kept(prepared, fitted, event.answer)
                            heard.text.clear()  # whoever leaves from here on leaves nothing to be kept
                            yield turn
            except ContextLengthError:
                if heard.begun or not prepared.shrink(fitted):
                    raise
                continue
            except (asyncio.CancelledError, GeneratorExit):
                self._keep_broken_off(prepared, heard, "cancelled")
                raise
            if heard.failed is not None:
                self._keep_broken_off(prepared, heard, heard.failed.error.code)
            return

    async def _prepared(self, question: Question, *, stream: bool) -> "_Prepared":
        agent, config = self.agent(question.agent), self.config
        thread: Thread | None = None
        _check(question, config)
        kept = question.conversation is not None or (question.keep and self._engine.store is not None)
        if kept and question.messages is None:
            thread = await self.keeping.thread(question, config)
            agent = agent or self.agent(_agent_of(thread, self._engine))
        prepared = _Prepared(self._engine, self._tools, config, question, agent, thread, stream=stream)
        await prepared.look(self._reading)
        return prepared

    async def _kept(self, prepared: "_Prepared", fitted: Fitted, answer: Answered) -> Turn:
        turn = Turn(answer=answer, fitted=fitted, tools=prepared.tools, as_texts=prepared.as_texts)
        if prepared.thread is None or not prepared.question.keep:
            return turn
        try:
            kept = await self.keeping.keep(prepared.thread, prepared.question, answer, fitted)
        except StoreUnavailableError as error:
            _log.warning("a turn could not be kept: %s", error.message)
            return turn  # it was paid for: whoever asked gets it all the same
        if kept is None:  # the conversation was deleted meanwhile, and stays so
            return turn
        return structs.replace(
            turn,
            conversation=kept.conversation.id,
            title=kept.conversation.title,
            user_message=kept.user_message,
            message=kept.message,
        )

    def _keep_broken_off(self, prepared: "_Prepared", heard: "_Heard", why: str) -> None:
        if prepared.thread is not None and prepared.question.keep and heard.text:
            self.keeping.keep_soon(prepared.thread, prepared.question, "".join(heard.text), why)

    async def aclose(self) -> None:
        """Finish what is still to be kept."""
        await self.keeping.aclose()


class _Heard:
    """What was said so far."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.begun = False
        self.failed: Failed | None = None

    def add(self, event: Event) -> None:
        self.begun = True
        if isinstance(event, TextDelta):
            self.text.append(event.text)
        elif isinstance(event, Failed):
            self.failed = event


class _Prepared:
    """A turn that is ready to be taken."""

    def __init__(
        self,
        engine: Engine,
        tools: Tools,
        config: ChatConfig,
        question: Question,
        agent: AgentConfig | None,
        thread: Thread | None,
        *,
        stream: bool,
    ) -> None:
        self.question = question
        self.thread = thread
        self._config = config
        self._agent = agent or AgentConfig()
        named = config.tools if question.tools is None else question.tools
        self.tools: Sequence[str] = self._agent.tools if agent is not None else named
        self._most: int | None = None
        self._request_id = question.request_id
        self._draft = Draft(
            members=self._members(stream=stream),
            caller=question.caller,
            wishes=question.wishes,
            tools=tools.box.schemas(question.caller, self.tools),
            drop_unsupported=question.drop_unsupported,
        )
        self._engine = engine
        self._past: Sequence[Past] = ()
        self.as_texts = 0

    async def look(self, reading: Reading) -> None:
        """See what was said, and send the text of PDFs to models that read none."""
        first, past, last = self._said()
        self._past, last, self.as_texts = await as_texts(self._engine, self._draft, reading, past, last)
        self._history = History(self._engine, self._config, self._draft, first=first, past=self._past, last=last)

    def _members(self, *, stream: bool) -> dict[str, Any]:
        agent, said = self._agent, self.question.members
        model = agent.model if agent.model is not None and self.question.model == "auto" else self.question.model
        own = {"temperature": agent.temperature, "max_tokens": agent.max_tokens}
        given = {name: value for name, value in own.items() if value is not None}
        return {**given, **said, "model": model, "stream": stream}

    def _said(self) -> tuple[list[Mapping[str, Any]], Sequence[Past], Mapping[str, Any]]:
        """Return what stays, what may be left out, and what is asked."""
        thread, question = self.thread, self.question
        own = thread.instructions if thread is not None else question.instructions
        texts = [text for text in (self._agent.instructions, own) if text]
        first: list[Mapping[str, Any]] = [{"role": "system", "content": "\n\n".join(texts)}] if texts else []
        if thread is not None:
            return first, thread.past, thread.last
        if question.messages is None:
            return first, (), {"role": "user", "content": content_of(question.text, question.sent)}
        *before, last = question.messages
        while before and before[0].get("role") in {"system", "developer"}:
            first.append(before.pop(0))
        return first, [Past(id=str(at), message=one) for at, one in enumerate(before)], last

    async def fit(self) -> Fitted:
        """Return what is sent."""
        thread, question = self.thread, self.question
        belongs = Belongs(parent=question.request_id, conversation=thread.id if thread is not None else None)
        return await self._history.fit(thread.summary if thread is not None else None, belongs, most=self._most)

    def ask(self, fitted: Fitted) -> Ask:
        """Return the request for the loop."""
        question, agent = self.question, self._agent
        request_id, self._request_id = self._request_id, None
        costs = [one for one in (question.max_cost, agent.max_cost_usd or self._config.max_cost_usd) if one is not None]
        rounds = self._config.max_rounds if agent.max_rounds is None else agent.max_rounds
        return Ask(
            call=self._draft.call(fitted.messages),
            wishes=question.wishes,
            caller=question.caller,
            conversation=self.thread.id if self.thread is not None else None,
            tags=question.tags,
            request_id=request_id,
            reuse=question.reuse,
            traceparent=question.traceparent,
            timeout=question.timeout,
            max_rounds=rounds if question.max_rounds is None else min(rounds, question.max_rounds),
            max_cost=min(costs, default=None),
        )

    def shrink(self, fitted: Fitted) -> bool:
        """Allow half of what was too long; tell whether there is anything to leave out."""
        if self._most is not None or self._config.history == "refuse":
            return False
        if len(self._past) <= fitted.truncated:
            return False
        self._most = fitted.tokens // _HALF
        return True


def _check(question: Question, config: ChatConfig) -> None:
    """Raise `InvalidRequestError` where nothing is said, or too much."""
    if question.messages is not None:
        if not question.messages:
            raise InvalidRequestError("'messages' is empty: say something", code="missing_field", param="messages")
        return
    if not question.text and not question.sent and question.again is None:
        raise InvalidRequestError("'message' is empty: say something", code="missing_field", param="message")
    if question.again is None and len(question.text) > config.max_message_characters:
        raise InvalidRequestError(
            f"'message' has more than {config.max_message_characters} characters ([chat] max_message_characters)",
            code="message_too_long",
            param="message",
        )


def _agent_of(thread: Thread, engine: Engine) -> str | None:
    """Return the agent that a conversation is held with, where there still is one of that name."""
    return thread.agent if thread.agent in engine.snapshot.settings.agents else None
