"""One batch that this process holds: its file is checked, its lines are asked, and what was answered becomes files."""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from msgspec import Struct, structs

from wye.assistant.batch.checking import Checker, lines_of
from wye.assistant.batch.endpoints import Told, answered_line, ask, unasked_line
from wye.assistant.batch.patience import Pace, is_counted, patience
from wye.assistant.batch.places import Places
from wye.core.caller import Caller
from wye.core.errors import AuthenticationError, StoreUnavailableError, WyeError
from wye.engine import Engine
from wye.store import batch_work, files
from wye.store.batch_work import Held, Line, LostError, Result, Spent, Unasked
from wye.store.batches import Batch, Mistake, Status
from wye.store.database import Database, now_us
from wye.store.files import File

_T = TypeVar("_T")
_LINES_AT_ONCE: Final = 200
_AHEAD: Final = 16
"""Lines that are read together to be asked."""
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
"""Bytes of lines that are in memory together, to be kept or to be asked, unless a single line has more."""
_US: Final = 1_000_000
_WORDS: Final = {
    "expired": ("batch_expired", "the request could not be asked before the batch's window was over"),
    "cancelled": ("batch_cancelled", "the batch was cancelled before the request was asked"),
}


class Timing(Struct, frozen=True, kw_only=True):
    """How long things take, in seconds.

    A process that says nothing of its batch for `lease` has lost it; every `poll` it is looked for batches that nobody
    holds. A batch that has to wait does so for `pause` first, and `longest_pause` at most; lines under way get `grace`
    when the process stops.
    """

    lease: float = 15.0
    poll: float = 5.0
    pause: float = 1.0
    longest_pause: float = 60.0
    caller: float = 5.0
    grace: float = 5.0


class House(Struct, frozen=True, kw_only=True):
    """What all runs of a process share; `caller` says who a user with a key's id is, as it may ask now."""

    engine: Engine
    database: Database
    places: Places
    caller: Callable[[str, str | None], Awaitable[Caller]]
    timing: Timing
    clock: Callable[[], int] = now_us


class Run:
    """Works on one batch until it is over, lost to another process, or told to stop."""

    def __init__(self, house: House, batch: Batch, held: Held) -> None:
        """Begin where `batch` is."""
        self.batch = batch
        self.stopping = False
        self._house = house
        self._held = held
        self._status: Status = batch.status
        self._until = house.clock() + self._lease
        self._woken = asyncio.Event()
        self._nudged = asyncio.Event()
        self._caller: tuple[float, Caller | WyeError] | None = None
        self._pace = Pace(house.timing.pause, house.timing.longest_pause, self._sleep)

    @property
    def _lease(self) -> int:
        return round(self._house.timing.lease * _US)

    @property
    def _expired(self) -> bool:
        return self._house.clock() >= self.batch.expires_at

    def _over(self) -> bool:
        """Whether no further line is to be asked."""
        return self.stopping or self._expired or self._status != "in_progress"

    async def go(self) -> None:
        """Work until there is nothing left to do here."""
        work = asyncio.create_task(self._work(), name=f"batch {self.batch.id}")
        beat = asyncio.create_task(self._beat(), name=f"lease of {self.batch.id}")
        try:
            await asyncio.wait({work, beat}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (beat, work):
                task.cancel()
            done = await asyncio.gather(beat, work, return_exceptions=True)
            await self._release()
        for problem in done:
            if isinstance(problem, Exception) and not isinstance(_first(problem), LostError):
                raise problem

    def nudge(self) -> None:
        """Look at once whether the batch is to go on."""
        self._nudged.set()

    def stop(self) -> None:
        """Ask no further line, and leave the batch to others when those under way are answered."""
        self.stopping = True
        self._woken.set()

    # --- Holding it ---

    async def _beat(self) -> None:
        """Say again and again that this process works on the batch; return when it is somebody else's."""
        while self._house.clock() < self._until:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._house.timing.lease / 3):
                    await self._nudged.wait()
            self._nudged.clear()
            until = self._house.clock() + self._lease
            with suppress(StoreUnavailableError):
                async with self._house.database.begin() as connection:
                    reason = self._pace.reason
                    said = await batch_work.renew(connection, self._held, until=until, waits_for=reason)
                if said is None:
                    return
                self._until = until
                self._heed(said)

    def _heed(self, said: Status) -> None:
        self._status = said
        if self._over():
            self._woken.set()

    async def _release(self) -> None:
        with suppress(StoreUnavailableError):
            async with self._house.database.begin() as connection:
                await batch_work.release(connection, self._held)

    async def _insist(self, do: Callable[[], Awaitable[_T]]) -> _T:
        """Do something in the database, as soon as that is there; the lease says how long that makes sense."""
        while True:
            try:
                return await do()
            except StoreUnavailableError:
                await asyncio.sleep(self._house.timing.pause)

    async def _sleep(self, seconds: float) -> None:
        """Wait so long, or until the batch expires or is not to go on."""
        left = (self.batch.expires_at - self._house.clock()) / _US
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(seconds, left))):
                await self._woken.wait()

    # --- Working on it ---

    async def _work(self) -> None:
        if self._status == "validating":
            await self._check()
        if self._status == "in_progress":
            await self._ask_all()
        if not self.stopping and self._status in {"in_progress", "finalizing", "cancelling"}:
            await self._finish()

    async def _check(self) -> None:
        """Read the file, and let the batch begin or fail."""
        house, held = self._house, self._held
        mistakes, checker = await self._insist(self._read)
        async with house.database.begin() as connection:
            if mistakes:
                await batch_work.refused(connection, held, now=house.clock(), mistakes=mistakes)
                self._status = "failed"
                return
            model = next(iter(checker.models)) if checker is not None and len(checker.models) == 1 else None
            total = checker.count if checker is not None else 0
            begun = await batch_work.checked(connection, held, now=house.clock(), total=total, model=model)
        self._status = "in_progress" if begun else "cancelling"

    async def _read(self) -> tuple[Sequence[Mistake], Checker | None]:
        """Check every line and keep it; return what is wrong."""
        house, owner = self._house, self.batch.user_id
        async with house.database.begin() as connection:
            await batch_work.begin_anew(connection, self._held)
            file = await files.one(connection, owner, self.batch.input_file_id, now=house.clock())
        if file is None:
            message = f"the file {self.batch.input_file_id} is not there any more"
            return [Mistake(code="file_not_found", message=message, param="input_file_id")], None
        try:
            caller = await house.caller(owner, self.batch.key_id)
        except AuthenticationError as error:
            return [Mistake(code=error.code, message=error.message)], None
        most = house.engine.snapshot.settings.batches.max_requests
        checker, kept, size = Checker(house.engine, caller, self.batch.endpoint, most), list[Line](), 0
        async for number, raw in lines_of(files.pieces(house.database, owner, file)):
            line = checker.check(number, raw)
            if checker.full:
                break
            if line is not None and not checker.mistakes:
                kept.append(line)
                size += len(line.body)
            if len(kept) >= _LINES_AT_ONCE or size >= _BYTES_AT_ONCE:
                await self._keep(kept)
                size = 0
            elif checker.count % _LINES_AT_ONCE == 0:
                await asyncio.sleep(0)  # others have things to do meanwhile
        if not checker.count:
            return [Mistake(code="empty_file", message="the file has no lines", param="input_file_id")], None
        if not checker.mistakes:
            await self._keep(kept)
        return checker.mistakes, checker

    async def _keep(self, lines: list[Line]) -> None:
        if lines:
            async with self._house.database.begin() as connection:
                await batch_work.add_lines(connection, self._held, lines)
            lines.clear()

    async def _ask_all(self) -> None:
        """Ask the lines that have no answer yet, several at a time."""
        feed = _Feed(self._lines_after)
        workers = self._house.engine.snapshot.settings.batches.concurrency
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._ask_some(feed))

    async def _lines_after(self, after: int) -> list[Line]:
        """Return some lines that have no answer yet."""

        async def read() -> list[Line]:
            async with self._house.database.read() as connection:
                return await batch_work.waiting(connection, self._held, after=after, limit=_AHEAD, size=_BYTES_AT_ONCE)

        return await self._insist(read)

    async def _unasked(self, after: int, limit: int) -> list[Unasked]:
        """Return what lines are called that have no answer yet."""

        async def read() -> list[Unasked]:
            async with self._house.database.read() as connection:
                return await batch_work.unasked(connection, self._held, after=after, limit=limit)

        return await self._insist(read)

    async def _ask_some(self, feed: "_Feed") -> None:
        while not self._over() and (line := await feed.next()) is not None:
            await self._ask(line)

    async def _ask(self, line: Line) -> None:
        """Ask a line until it is answered or has failed, or the batch is not to go on."""
        house, endpoint, tries, spent = self._house, self.batch.endpoint, 0, Spent()
        while True:
            await self._pace.rest(self._over)
            if self._over():
                return
            async with house.places:
                if self._over():
                    return
                told = await self._tell(line)
            spent = _sum(spent, told.spent)
            if told.error is not None:
                tries += is_counted(told.error)
                left = (self.batch.expires_at - house.clock()) / _US
                wait = patience(told.error, tries, left, self._pace.pause)
                if wait is not None:
                    await self._wait(wait.seconds, _said(told.error) if wait.everybody else None)
                    continue
            text = answered_line(self.batch.id, line.position, line.custom_id, told, endpoint)
            await self._put([Result(position=line.position, ok=told.error is None, text=text, spent=spent)])
            self._pace.go_on()
            return

    async def _wait(self, seconds: float, reason: str | None) -> None:
        if reason is None:
            await self._sleep(seconds)
            return
        told_already = self._pace.reason == reason
        self._pace.hold(seconds, reason)
        if not told_already:
            self.nudge()

    async def _tell(self, line: Line) -> Told:
        house = self._house
        try:
            caller = await self._asking()
            return await ask(house.engine, self.batch.endpoint, line.body, caller, self.batch.id)
        except WyeError as error:
            return Told(error=error)
        except Exception as error:  # noqa: BLE001 - a mistake of ours fails a line, not a batch
            return Told(error=WyeError(f"an internal error occurred ({type(error).__name__})"))

    async def _asking(self) -> Caller:
        """Return who asks, as it may ask now, or a moment ago. Raises `AuthenticationError` where its key has ended."""
        now = asyncio.get_running_loop().time()
        if self._caller is None or now - self._caller[0] > self._house.timing.caller:
            found: Caller | WyeError
            try:
                found = await self._house.caller(self.batch.user_id, self.batch.key_id)
            except AuthenticationError as error:
                found = error
            self._caller = (now, found)
        known = self._caller[1]
        if isinstance(known, WyeError):
            raise known
        return known

    async def _put(self, results: Sequence[Result]) -> None:
        """Keep what became of lines. Raises `LostError` where the batch is somebody else's."""

        async def put() -> Status | None:
            async with self._house.database.begin() as connection:
                return await batch_work.answered(connection, self._held, results)

        said = await self._insist(put)
        if said is None:
            raise LostError
        self._heed(said)

    # --- Ending it ---

    async def _finish(self) -> None:
        """Say of lines that were not asked why, and let the answers be read."""
        house, batch = self._house, self.batch
        status: Status = "completed"
        if self._status == "cancelling":
            status = "cancelled"
        elif self._status == "in_progress" and await self._unasked(0, 1):
            status = "expired"
        if status != "completed":
            await self._give_up(*_WORDS[status])
        now = house.clock()
        stem = f"{batch.id}_{{}}.jsonl"
        output = File(
            id=f"file-{secrets.token_hex(12)}",
            user_id=batch.user_id,
            filename=stem.format("output"),
            purpose="batch_output",
            size=0,
            batch_id=batch.id,
            created_at=now,
        )
        errors = structs.replace(output, id=f"file-{secrets.token_hex(12)}", filename=stem.format("error"))

        async def end() -> None:
            async with house.database.begin() as connection:
                await batch_work.finalize(connection, self._held, now=now)
            async with house.database.begin() as connection:
                await batch_work.end(connection, self._held, status, now=house.clock(), output=output, errors=errors)

        await self._insist(end)

    async def _give_up(self, code: str, message: str) -> None:
        after = 0
        while lines := await self._unasked(after, _LINES_AT_ONCE):
            texts = [unasked_line(self.batch.id, line.position, line.custom_id, code, message) for line in lines]
            await self._put(
                [Result(position=line.position, ok=False, text=text) for line, text in zip(lines, texts, strict=True)]
            )
            after = lines[-1].position


class _Feed:
    """Hands lines out one by one, and reads a few ahead."""

    def __init__(self, read: Callable[[int], Awaitable[list[Line]]]) -> None:
        self._read = read
        self._lines: deque[Line] = deque()
        self._after = 0
        self._ended = False
        self._reading = asyncio.Lock()

    async def next(self) -> Line | None:
        async with self._reading:
            if not self._lines and not self._ended:
                self._lines.extend(await self._read(self._after))
                self._ended = not self._lines
            if not self._lines:
                return None
            line = self._lines.popleft()
            self._after = line.position
            return line


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _said(error: WyeError) -> str:
    return error.message if error.provider is None else f"{error.provider}: {error.message}"


def _sum(first: Spent, second: Spent) -> Spent:
    cost = None if first.cost is None or second.cost is None else first.cost + second.cost
    return Spent(
        input_tokens=first.input_tokens + second.input_tokens,
        output_tokens=first.output_tokens + second.output_tokens,
        cache_read_tokens=first.cache_read_tokens + second.cache_read_tokens,
        reasoning_tokens=first.reasoning_tokens + second.reasoning_tokens,
        cost=cost,
    )
