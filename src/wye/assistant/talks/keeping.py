"""Keeps turns of conversations in the store, and gives new conversations their titles afterwards."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, structs

from wye.assistant.talks.account import account_of, plain
from wye.assistant.talks.account import content_of as kept_content
from wye.assistant.talks.history import Fitted, Past, Summary
from wye.assistant.talks.question import Question
from wye.assistant.talks.sent import Sent, content_of
from wye.assistant.uses.titles import first_words, title_of
from wye.config.talks import ChatConfig
from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError, RouteNotFoundError, StoreUnavailableError, WyeError
from wye.engine import Engine
from wye.identity.issuing import new_id
from wye.store import conversations as rows
from wye.store.database import now_us
from wye.toolloop import Answered

if TYPE_CHECKING:
    from wye.store.database import Database

_log = logging.getLogger(__name__)


_BEGINNING: Final = 2


class Thread(Struct, frozen=True, kw_only=True):
    """Where a turn is taken: what leads to it, and what it asks, `last`, in OpenAI's form.

    `parent` is the message that the question follows; `user_message` the question itself, where it is kept already.
    """

    id: str
    conversation: rows.Conversation | None
    past: Sequence[Past]
    last: Mapping[str, Any]
    text: str
    parent: str | None
    user_message: str | None = None
    agent: str | None = None
    instructions: str = ""
    summary: Summary | None = None


class Kept(Struct, frozen=True, kw_only=True):
    """Where a turn is kept: its conversation, and the ids of both messages."""

    conversation: rows.Conversation
    user_message: str
    message: str


class Keeping:
    """Conversations of an engine's store."""

    def __init__(self, engine: Engine) -> None:
        """Keep nothing yet."""
        self._engine = engine
        self._jobs: set[asyncio.Task[None]] = set()

    @property
    def database(self) -> "Database":
        """Where conversations are. Raises `StoreUnavailableError` where nothing is kept."""
        if self._engine.store is None:
            raise StoreUnavailableError("conversations are not kept here: set [store] url to a database for this")
        return self._engine.store.database

    async def thread(self, asked: Question, config: ChatConfig) -> Thread:
        """Return where a turn is taken. Raises `RouteNotFoundError` for what is not there, or not the caller's."""
        if asked.conversation is None:
            last = {"role": "user", "content": content_of(asked.text, asked.sent)}
            return Thread(
                id=new_id("conv"),
                conversation=None,
                past=(),
                last=last,
                text=asked.text,
                parent=None,
                instructions=asked.instructions,
            )
        owner = asked.caller.user
        async with self.database.read() as connection:
            found = await rows.get(connection, owner, asked.conversation)
            if found is None:
                raise missing(asked.conversation)
            if await rows.count(connection, owner, found.id) + 2 > config.max_messages:
                raise _full(f"has {config.max_messages} messages, all that one may have ([chat] max_messages)")
            added = sum(len(one.body) for one in asked.sent)
            if added and await rows.bytes_sent(connection, owner, found.id) + added > config.max_conversation_bytes:
                most = config.max_conversation_bytes
                raise _full(f"may have {most} bytes of attachments ([chat] max_conversation_bytes)")
            head = None if asked.at_root else asked.again or asked.after or found.head_id
            said = await rows.branch(connection, owner, found.id, head)
            if head is not None and not said:
                raise missing_message(head)
            sent = await rows.sent_along(connection, owner, [one.id for one in said])
        if asked.again is not None:
            *said, question = said
            if question.role != "user":
                raise InvalidRequestError("what a user said gets another answer", param="message")
            parent, text = question.parent_id, question.text
            last = _as_sent(question, sent)
        else:
            parent, text = head, asked.text
            last = {"role": "user", "content": content_of(asked.text, asked.sent)}
        metadata = found.metadata or {}
        summary = metadata.get("summary")
        return Thread(
            id=found.id,
            conversation=found,
            past=[Past(id=one.id, message=_as_sent(one, sent)) for one in said if one.text or one.id in sent],
            last=last,
            text=text,
            parent=parent,
            user_message=asked.again,
            agent=found.agent,
            instructions=asked.instructions or str(metadata.get("instructions") or ""),
            summary=Summary(until=summary["until"], text=summary["text"]) if summary else None,
        )

    async def keep(self, thread: Thread, asked: Question, answer: Answered, fitted: Fitted) -> Kept | None:
        """Keep both sides of a turn; `None` where its conversation was deleted meanwhile."""
        response = answer.response
        message = rows.Message(
            id=new_id("msg"),
            conversation_id=thread.id,
            user_id=asked.caller.user,
            parent_id=None,
            role="assistant",
            text=plain(response.content),
            content=plain(kept_content(answer)) or None,
            provider=response.provider or None,
            model=response.model or None,
            usage_id=answer.request_ids[0],
            account=account_of(answer, fitted),
            created_at=0,
        )
        kept = await self._write(thread, asked, message, fitted.summary if fitted.made else None)
        if kept is not None and asked.again is None and _wants_title(thread):
            said = [{"role": "user", "content": thread.text}, {"role": "assistant", "content": response.content}]
            self._soon(self._name(kept.conversation, said, asked.caller, answer.request_ids[0]))
        return kept

    def keep_soon(self, thread: Thread, asked: Question, text: str, why: str) -> None:
        """Keep an answer that was broken off; `why` is its finish reason."""
        message = rows.Message(
            id=new_id("msg"),
            conversation_id=thread.id,
            user_id=asked.caller.user,
            parent_id=None,
            role="assistant",
            text=plain(text),
            account={"finishReason": why},
            created_at=0,
        )
        self._soon(self._write_broken_off(thread, asked, message))

    async def _write_broken_off(self, thread: Thread, asked: Question, message: rows.Message) -> None:
        await self._write(thread, asked, message, None)

    async def _write(
        self, thread: Thread, asked: Question, message: rows.Message, summary: Summary | None
    ) -> Kept | None:
        owner, now = asked.caller.user, now_us()
        user_message = thread.user_message or new_id("msg")
        question = rows.Message(
            id=user_message,
            conversation_id=thread.id,
            user_id=owner,
            parent_id=thread.parent,
            role="user",
            text=plain(asked.text),
            created_at=now,
        )
        sent = [
            rows.Attachment(
                id=new_id("file"),
                message_id=user_message,
                user_id=owner,
                name=plain(one.name),
                media_type=one.media_type,
                size=len(one.body),
                body=one.body,
                created_at=now,
            )
            for one in asked.sent
        ]
        async with self.database.begin() as connection:
            if thread.conversation is None:
                await rows.add(connection, owner, _begun(thread, asked, now))
            elif await rows.get(connection, owner, thread.id) is None:
                return None
            if thread.user_message is None:
                await rows.add_message(connection, owner, question, sent)
            answer = structs.replace(message, parent_id=user_message, created_at=now_us())
            await rows.add_message(connection, owner, answer)
            if thread.conversation is not None and not thread.conversation.title_source:
                await rows.change(connection, owner, thread.id, title=_words(thread.text), title_source="words")
            if message.model is not None:
                who = {"model": message.model, "provider": message.provider}
                await rows.change(connection, owner, thread.id, **who)
            conversation = await rows.get(connection, owner, thread.id)
            if conversation is None:
                return None
            if summary is not None:
                told = {"until": summary.until, "text": plain(summary.text)}
                metadata = {**(conversation.metadata or {}), "summary": told}
                await rows.change(connection, owner, thread.id, metadata=metadata)
        return Kept(conversation=conversation, user_message=user_message, message=message.id)

    async def _name(
        self, conversation: rows.Conversation, said: Sequence[Mapping[str, Any]], caller: Caller, request_id: str
    ) -> None:
        """Give a new conversation its title, unless its user gave it one meanwhile."""
        model = self._engine.snapshot.settings.chat.title_model
        if not model:
            return
        belongs = {"parent": request_id, "conversation": conversation.id}
        title = await title_of(self._engine, caller, said, model=model, **belongs)
        if title.source != "model":
            return
        async with self.database.begin() as connection:
            now = await rows.get(connection, conversation.user_id, conversation.id)
            if now is not None and now.title_source in {"", "words"}:
                values = {"title": plain(title.text), "title_source": "model"}
                await rows.change(connection, conversation.user_id, conversation.id, **values)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""
        job = asyncio.get_running_loop().create_task(_quietly(work))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def settled(self) -> None:
        """Wait until nothing is left to be kept."""
        while self._jobs:
            await asyncio.gather(*self._jobs)

    async def aclose(self) -> None:
        """Finish what is being kept, for a moment."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=2.0)
        for job in list(self._jobs):
            job.cancel()


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except WyeError as error:
        _log.warning("a conversation could not be kept: %s", error.code)
    except Exception:  # noqa: BLE001 - nobody waits for it who could be told
        _log.exception("a conversation could not be kept")


def _wants_title(thread: Thread) -> bool:
    """Tell whether a title is to be found: also after a first answer that broke off, or for which there was none."""
    row = thread.conversation
    return row is None or not row.title_source or (row.title_source == "words" and len(thread.past) <= _BEGINNING)


def _full(why: str) -> InvalidRequestError:
    message = f"the conversation {why}: begin another one"
    return InvalidRequestError(message, code="conversation_full", param="conversation")


def missing(conversation_id: str) -> RouteNotFoundError:
    """Return the error about a conversation that is not there, or not the caller's."""
    return RouteNotFoundError(
        f"you have no conversation {conversation_id[:100]!r}", code="conversation_not_found", param="conversation"
    )


def missing_message(message_id: str) -> RouteNotFoundError:
    """Return the error about a message that is not there."""
    return RouteNotFoundError(
        f"the conversation has no message {message_id[:100]!r}", code="message_not_found", param="message"
    )


def _words(text: str) -> str:
    return str(plain(first_words([{"role": "user", "content": text}])))


def _begun(thread: Thread, asked: Question, now: int) -> rows.Conversation:
    return rows.Conversation(
        id=thread.id,
        user_id=asked.caller.user,
        title=_words(thread.text),
        title_source="words",
        agent=asked.agent,
        metadata={"instructions": plain(asked.instructions)} if asked.instructions else None,
        created_at=now,
        updated_at=now,
    )


def _as_sent(message: rows.Message, sent: Mapping[str, Sequence[rows.Attachment]]) -> dict[str, Any]:
    """Return a message as it was sent."""
    if message.role == "assistant":
        return {"role": "assistant", "content": message.text}
    along = [Sent(name=one.name, media_type=one.media_type, body=one.body) for one in sent.get(message.id, ())]
    return {"role": "user", "content": content_of(message.text, along)}
