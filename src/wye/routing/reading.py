"""What a request wants, read from it only as far as its plan depends on it; and what is remembered between requests.

A conversation's beginning is in the prompt cache of whoever answered last: its hash leads to that model for as long as
providers keep it, and the planner counts those tokens at the price of cached ones. Turns are counted by name.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from wye.core.caller import LIBRARY, Caller
from wye.core.content import Audio, File, Image, Part, Text, ToolResult
from wye.core.errors import InvalidRequestError
from wye.core.estimate import estimate_input_tokens
from wye.core.exchange import Exchange
from wye.core.plan import NO_WISHES, Wanted, Wishes
from wye.core.request import Call, ChatRequest
from wye.routing.names import CHATTING
from wye.routing.planner import Planner

_SHORTEST_HELD_TOKENS: Final = 1024
"""No provider caches less."""
_BYTES_PER_TOKEN: Final = 4
_KEPT_SECONDS: Final = 300.0
"""How long prompt caches live at least, by the documentation of those that say it."""
_KEPT_PREFIXES: Final = 4096
_KEPT_TURNS: Final = 4096
_LOOKED_BACK: Final = 64
_HOSTED: Final = {"web_search": "web-search", "code_execution": "code-execution", "deep_research": "deep-research"}
_NO_EFFORT: Final = frozenset({None, "none", "minimal"})


class Reader:
    """Reads what requests want; one for a process, whatever snapshot is in force."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, count: Callable[[str], int] | None = None) -> None:
        """Begin with nothing remembered; `clock` tells seconds, `count` counts by name where others count too."""
        self._count = count
        self._clock = clock
        self._holders: dict[int, tuple[str, int, float]] = {}
        self._turns: dict[tuple[str, frozenset[str]], int] = {}

    def wanted(self, exchange: Exchange, planner: Planner) -> Wanted:
        """Return what an exchange wants; nothing of its body is decoded where its model's name decides alone."""
        call, wishes = exchange.call, exchange.wishes
        choice = planner.chooses(call.model, call.operation)
        if wishes is None and exchange.provider is None and not choice:
            caller = exchange.caller
            return Wanted(
                model=call.model,
                operation=call.operation,
                stream=call.stream,
                providers=caller.providers,
                models=caller.models,
                preferred=caller.preferred,
            )
        wanted, exchange.prefixes = self._read(
            call, wishes or NO_WISHES, exchange.provider, exchange.caller, choice=choice, turns=True
        )
        return wanted

    def read(
        self,
        call: Call,
        wishes: Wishes | None,
        planner: Planner,
        *,
        provider: str | None = None,
        caller: Caller = LIBRARY,
    ) -> tuple[Wanted, tuple[tuple[int, int], ...]]:
        """Return what a call wants, which takes no turn, and hashes of its beginnings; `provider` alone may answer."""
        choice = planner.chooses(call.model, call.operation)
        return self._read(call, wishes or NO_WISHES, provider, caller, choice=choice, turns=False)

    def _read(
        self, call: Call, wishes: Wishes, provider: str | None, caller: Caller, *, choice: bool, turns: bool
    ) -> tuple[Wanted, tuple[tuple[int, int], ...]]:
        prefixes: tuple[tuple[int, int], ...] = ()
        choice = choice or wishes.strategy is not None
        providers = wishes.providers if provider is None else frozenset({provider})
        if caller.providers is not None:
            providers = caller.providers if providers is None else providers & caller.providers
        needs, held, holder = wishes.needs, 0, None
        input_tokens, output_tokens = len(call.body) // _BYTES_PER_TOKEN, None
        chat = _chat(call) if choice or wishes.max_cost is not None else None
        if chat is not None:
            input_tokens, output_tokens = estimate_input_tokens(chat), chat.max_output_tokens
            if choice:
                needs |= needs_of(chat)
                prefixes = tuple(_prefixes(chat, len(call.body)))
                holder, held = self._held(prefixes)
        wanted = Wanted(
            model=call.model,
            operation=call.operation,
            needs=needs,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            stream=call.stream,
            strategy=wishes.strategy,
            max_cost=wishes.max_cost,
            min_quality=wishes.min_quality,
            providers=providers,
            models=caller.models,
            preferred=caller.preferred,
            default_strategy=caller.strategy,
            tags=wishes.tags,
            holder=holder,
            held_tokens=min(held, input_tokens),
            turn=self._turn(call.model, needs) if turns and choice else 0,
        )
        return wanted, prefixes

    def learn(self, exchange: Exchange) -> None:
        """Remember who holds the beginning of a conversation that was answered."""
        attempt = exchange.attempt
        if not exchange.prefixes or attempt is None or exchange.usage is None:
            return
        until = self._clock() + _KEPT_SECONDS
        for key, tokens in exchange.prefixes[-2:]:
            if tokens >= _SHORTEST_HELD_TOKENS:
                self._holders.pop(key, None)
                self._holders[key] = (attempt.full_id, tokens, until)
        while len(self._holders) > _KEPT_PREFIXES:
            del self._holders[next(iter(self._holders))]

    def _held(self, prefixes: tuple[tuple[int, int], ...]) -> tuple[str | None, int]:
        """Return who holds the longest known beginning, and how many tokens that is."""
        for key, _ in reversed(prefixes[-_LOOKED_BACK:]):
            found = self._holders.get(key)
            if found is not None and found[2] > self._clock():
                return found[0], found[1]
        return None, 0

    def _turn(self, name: str, needs: frozenset[str]) -> int:
        """Count the requests of a kind; those of another kind have other candidates, and turns of their own."""
        if self._count is not None:
            return self._count(f"{name} {','.join(sorted(needs))}" if needs else name)
        key = (name, needs)
        turn = self._turns.get(key, 0)
        if turn == 0 and len(self._turns) >= _KEPT_TURNS:  # names come from callers
            del self._turns[next(iter(self._turns))]
        self._turns[key] = turn + 1
        return turn


def needs_of(chat: ChatRequest) -> frozenset[str]:
    """Return the abilities without which a model cannot answer a request as it is."""
    needs = set()
    if chat.stream:
        needs.add("streaming")
    if chat.tools:
        needs.add("function-calling")
    needs.update(_HOSTED[tool.kind] for tool in chat.hosted_tools if tool.kind in _HOSTED)
    if chat.response_format is not None:
        needs.add("json-schema" if chat.response_format.type == "json_schema" else "json-mode")
    if chat.reasoning_effort not in _NO_EFFORT or chat.reasoning_budget:
        needs.add("reasoning")
    for message in chat.messages:
        for part in message.parts:
            if not isinstance(part, Text):
                needs.update(_needs_of_part(part))
    return frozenset(needs)


def _needs_of_part(part: Part) -> Iterator[str]:
    match part:
        case Image():
            yield "vision"
        case Audio():
            yield "audio"
        case File(media_type=kind) if not (kind or "").startswith("text/"):
            yield "pdf"
        case ToolResult(parts=parts):
            for inner in parts:
                yield from _needs_of_part(inner)


def _chat(call: Call) -> ChatRequest | None:
    """Return what a call says; what only its own wire can tell, a provider of that wire may still be asked."""
    if call.operation not in CHATTING:
        return None
    try:
        return call.chat
    except InvalidRequestError:
        return None


def _prefixes(chat: ChatRequest, size_of_body: int) -> Iterator[tuple[int, int]]:
    """Yield a hash of each beginning of a conversation, and about how many tokens it has."""
    if size_of_body < _SHORTEST_HELD_TOKENS * _BYTES_PER_TOKEN:
        return
    beginning = msgspec.json.encode((chat.tools, chat.response_format))
    key, size = hash(beginning), len(beginning)
    for message in chat.messages:
        said = msgspec.json.encode(message)
        key, size = hash((key, said)), size + len(said)
        yield key, size // _BYTES_PER_TOKEN
