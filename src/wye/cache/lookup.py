"""The way of an exchange past the cache: an answer that is kept, a call that others make already, or a call."""

import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from wye.cache.config import CacheConfig
from wye.cache.entry import Answer, Entry, Form, encode, form_of, unpack, unpack_chunks
from wye.cache.flight import Flight, StreamFlight
from wye.cache.key import Key, Question, question_of
from wye.cache.recording import Recording
from wye.cache.store import Store
from wye.core.exchange import Exchange
from wye.core.response import StreamChunk
from wye.core.reuse import ANY_AGE, Verdict
from wye.core.sink import Sink

Hold: TypeAlias = Callable[[], Awaitable[None] | None]
"""Puts an exchange into the books: with what it may cost, unless it is `cached`."""
Ask: TypeAlias = Callable[[Exchange], Coroutine[Any, Any, Answer]]
Pour: TypeAlias = Callable[[Exchange, Sink], Coroutine[Any, Any, None]]
_REPLAYED_AT_ONCE: Final = 64
"""Chunks of a recording that are handed on together."""


class Cache:
    """Answers exchanges that have a plan. `counts` says how often it came to which verdict."""

    def __init__(self, config: CacheConfig, store: Store, clock: Callable[[], float] = time.time) -> None:
        """Keep answers in `store`; `clock` is seconds since the epoch."""
        self._config = config
        self._store = store
        self._clock = clock
        self._flights: dict[Key, Flight[Any]] = {}
        self.counts: dict[str, int] = {"hit": 0, "miss": 0, "bypass": 0}

    async def answer(self, exchange: Exchange, hold: Hold, ask: Ask[Answer], *, own: bool = False) -> Answer:
        """Return a whole answer; `own` says that the caller has models that others have not, and shares nothing."""
        asked = self._question(exchange, own=own)
        if asked is None:
            await _done(hold())
            return await ask(exchange)
        question, key = asked
        kept = await self._find(key, exchange, unpack)
        if kept is not None:
            await _done(hold())
            return kept  # type: ignore[no-any-return]
        self._judge(key, exchange)
        await _done(hold())
        flight = self._under_way(key, exchange)
        if flight is None and exchange.cached:
            kept, flight = await self._find_late(key, exchange, unpack)
            if kept is not None:
                return kept  # type: ignore[no-any-return]
        if flight is None:
            flight = self._flights[key] = Flight(exchange, lambda flight: self._ask(flight, question, key, ask))
        return await flight.wait(exchange)  # type: ignore[no-any-return]

    async def stream(self, exchange: Exchange, sink: Sink, hold: Hold, pour: Pour, *, own: bool = False) -> None:
        """Put an answer into `sink`, as it comes; `own` as in `answer`."""
        asked = self._question(exchange, own=own)
        if asked is None:
            await _done(hold())
            return await pour(exchange, sink)
        question, key = asked
        kept = await self._find(key, exchange, lambda entry: unpack_chunks(entry.payload))
        if kept is not None:
            await _done(hold())
            return await _replay(kept, sink)
        self._judge(key, exchange)
        await _done(hold())
        flight = self._under_way(key, exchange)
        if flight is None and exchange.cached:
            kept, flight = await self._find_late(key, exchange, lambda entry: unpack_chunks(entry.payload))
            if kept is not None:
                return await _replay(kept, sink)
        if not isinstance(flight, StreamFlight):
            recording = Recording(self._config.max_entry_bytes)
            flight = StreamFlight(exchange, recording, lambda flight: self._pour(flight, question, key, pour))
            self._flights[key] = flight
        return await flight.read(exchange, sink)

    def _question(self, exchange: Exchange, *, own: bool) -> tuple[Question, Key] | None:
        """Return what is asked and of whom first; `None` where no kept answer will do and none is to be kept."""
        reuse, attempts = exchange.reuse or ANY_AGE, exchange.plan.attempts if exchange.plan is not None else ()
        question = None
        if attempts and (reuse.read or reuse.store):
            question = question_of(exchange.caller, exchange.call, "user" if own else self._config.share)
        if question is None:
            self._say("bypass", exchange)
            return None
        return question, question.key(attempts[0])

    async def _find(self, key: Key, exchange: Exchange, read: Callable[[Entry], Any]) -> Any | None:
        """Return a kept answer that will do, and let the exchange say so."""
        reuse = exchange.reuse or ANY_AGE
        entry = await self._store.find(key) if reuse.read else None
        if entry is None or entry.tenant != key.tenant:
            return None
        age = max(self._clock() - entry.at, 0.0)
        if age > self._config.ttl or (reuse.max_age is not None and age > reuse.max_age):
            return None
        try:
            kept = read(entry)
        except msgspec.DecodeError:
            return None  # another release's, or nobody's
        exchange.cached, exchange.age = True, int(age)
        exchange.attempt, exchange.spared = entry.attempt, entry.usage
        exchange.dropped, exchange.emulated = entry.dropped, entry.emulated
        self._say("hit", exchange)
        return kept

    async def _find_late(
        self, key: Key, exchange: Exchange, read: Callable[[Entry], Any]
    ) -> tuple[Any | None, Flight[Any] | None]:
        """Look again for whom nothing is held, as the call that was to be waited for ended before the books let it in.

        Where it left nothing, and nobody makes another, what a call of its own costs is held now; raises as that does.
        """
        self.counts["hit"] -= 1
        kept = await self._find(key, exchange, read)
        if kept is not None:
            return kept, None
        self._judge(key, exchange)
        if exchange.cached:
            return None, self._under_way(key, exchange)
        exchange.age = None
        if exchange.allowance is not None and exchange.plan is not None:
            exchange.allowance.afford(exchange, exchange.plan.attempts[0])
        return None, None

    def _judge(self, key: Key, exchange: Exchange) -> None:
        """Say whether an exchange waits for another's call."""
        exchange.cached = self._under_way(key, exchange) is not None
        if exchange.cached:
            exchange.age = 0
        reads = exchange.reuse is None or exchange.reuse.read
        self._say("hit" if exchange.cached else "miss" if reads else "bypass", exchange)

    def _under_way(self, key: Key, exchange: Exchange) -> Flight[Any] | None:
        """Return a call with the same answer that has begun; who wants no kept answer calls by itself."""
        flight = self._flights.get(key)
        reads = exchange.reuse is None or exchange.reuse.read
        return flight if flight is not None and reads and flight.serves(exchange) else None

    def _say(self, verdict: Verdict, exchange: Exchange) -> None:
        exchange.cache = verdict
        self.counts[verdict] += 1

    async def _ask(self, flight: Flight[Answer], question: Question, key: Key, ask: Ask[Answer]) -> Answer:
        """Make the call that others may wait for, and keep its answer."""
        exchange = flight.exchange
        try:
            answer = await ask(exchange)
        finally:
            self._land(key, flight)
        form = form_of(answer)
        if form is not None and self._stores(exchange):
            try:
                payload = encode(answer)
            except (TypeError, ValueError):  # a provider in this process put something of its own into it
                return answer
            self._keep(exchange, question, form, payload)
        return answer

    async def _pour(self, flight: StreamFlight, question: Question, key: Key, pour: Pour) -> None:
        """Do the same for a stream."""
        try:
            await pour(flight.exchange, flight)
        finally:
            self._land(key, flight)
        if flight.recording.good and self._stores(flight.exchange):
            self._keep(flight.exchange, question, "chunks", bytes(flight.recording.data))

    def _land(self, key: Key, flight: Flight[Any]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    def _stores(self, exchange: Exchange) -> bool:
        return exchange.reuse is None or exchange.reuse.store

    def _keep(self, exchange: Exchange, question: Question, form: Form, payload: bytes) -> None:
        """Keep an answer as that of whoever gave it: where another one failed, its place is not taken."""
        attempt = exchange.attempt
        if attempt is None or len(payload) > self._config.max_entry_bytes:
            return
        entry = Entry(
            tenant=question.tenant,
            form=form,
            provider=attempt.provider,
            model=attempt.model,
            alias=attempt.alias,
            at=self._clock(),
            usage=exchange.usage,
            dropped=exchange.dropped,
            emulated=exchange.emulated,
            payload=payload,
        )
        self._store.keep(question.key(attempt), entry)

    async def aclose(self) -> None:
        """Let go of what is held."""
        await self._store.aclose()


async def _replay(chunks: Sequence[StreamChunk], sink: Sink) -> None:
    for at in range(0, len(chunks), _REPLAYED_AT_ONCE):
        await _done(sink.put(chunks[at : at + _REPLAYED_AT_ONCE]))


async def _done(wait: Awaitable[None] | None) -> None:
    if wait is not None:
        await wait
