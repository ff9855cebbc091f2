"""A queue of jobs behind the seam of a transport: a request is handed in, and its answer is fetched when it is there.

This is how serverless endpoints with workers that come and go are reached
(https://docs.runpod.io/serverless/endpoints/operation-reference): `/run` takes the request and gives an id,
`/status/ID` and `/stream/ID` give what there is, `/cancel/ID` ends it. Workers of vLLM take a request of OpenAI's API
as the job's input (`openai_route`, `openai_input`). A job that waits in the queue waits for a worker to start: a cold
start is no silence and no failure, and ends only with the deadline.
"""

import asyncio
import copy
import math
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from msgspec import Raw, Struct

from wye.core.errors import (
    DeadlineExceededError,
    MalformedResponseError,
    ProviderError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.transport.seam import HttpReply, Reader, Timeouts, Transport

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0
_FAILURES_AT_MOST: Final = 3
"""Polls in a row that may fail before the job counts as lost."""
_MARGIN: Final = 0.05
"""Seconds before the deadline at which a cold start is told, so that it is told before the time is over."""
_CANCEL_SECONDS: Final = 10.0
_SHOWN: Final = 500
_END_MARKER: Final = b"data: [DONE]"
_ENDED: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})


class _Job(Struct):
    """What the queue says of a job."""

    id: str = ""
    status: str = ""
    output: Raw = Raw()
    stream: list[Any] | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Job).decode


class _Polling:
    """Asks for a job's state, at first soon and then less often."""

    def __init__(self, inner: Transport, path: str, headers: Mapping[str, str], *, ends: float, silence: float) -> None:
        """Prepare; `ends` is on the loop's clock, `silence` the seconds a worker may take to say something."""
        self._inner, self._path, self._headers = inner, path, headers
        self._silence = silence
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._pause = 0.0
        self._failures = 0
        self._status = ""
        self._begun = False
        self._ends = ends

    def begin(self) -> None:
        """Note that the worker has begun to speak: the time is not over any more, and the queue is silence too."""
        self._begun, self._ends = True, math.inf

    async def next(self) -> _Job | HttpReply:
        """Return what the queue says next, or the answer in which it refuses to say anything.

        Raises `DeadlineExceededError` when the time is over, and what the transport raises once it has failed often.
        """
        while True:
            left = self._ends - self._loop.time() - _MARGIN
            if left <= 0:
                raise _too_late(self._status)
            await asyncio.sleep(min(self._pause, left))
            self._pause = min(max(self._pause * 1.5, _FIRST_PAUSE), _LONGEST_PAUSE)
            reply = await self._asked(max(left, _MARGIN))
            if reply is None:
                continue
            if not 200 <= reply.status < 300:
                return reply
            state = _job_of(reply)
            self._note(state)
            return state

    async def _asked(self, seconds: float) -> HttpReply | None:
        """Ask once; `None` where that failed and may do better the next time."""
        try:
            reply = await self._inner.get(self._path, self._headers, seconds)
        except ProviderError:
            self._failures += 1
            if self._failures > _FAILURES_AT_MOST:
                raise
            return None
        if reply.status != 429 and reply.status < 500:
            self._failures = 0
            return reply
        self._failures += 1
        return reply if self._failures > _FAILURES_AT_MOST else None

    def _note(self, state: _Job) -> None:
        now = self._loop.time()
        if state.stream:
            self._pause = _FIRST_PAUSE
        waits = not self._begun and (state.status != self._status or state.status != "IN_PROGRESS")
        if state.stream or waits or state.status in _ENDED:
            self._heard = now
        elif now - self._heard > self._silence:
            raise UpstreamTimeoutError(f"the worker has said nothing for {self._silence:g} s")
        self._status = state.status


class JobsTransport:
    """Hands requests in as jobs over another transport, whose base URL is the endpoint's."""

    def __init__(self, inner: Transport, *, timeouts: Timeouts | None = None) -> None:
        """Stand before `inner`; the read timeout is the silence allowed to a worker, not to the queue."""
        self._inner = inner
        self._silence = (timeouts or Timeouts()).read
        self._deadline = math.inf
        self._cancelling: set[asyncio.Task[None]] = set()

    def until(self, deadline: float) -> "JobsTransport":
        """Return the same transport whose streams give up waiting in the queue at `deadline`, on the loop's clock."""
        other = copy.copy(self)
        other._deadline = deadline  # noqa: SLF001 - its own kind
        return other

    async def send(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpReply:
        """Run a job and return its output as the answer."""
        ends = asyncio.get_running_loop().time() + deadline
        job = await self.submit(path, headers, body, deadline)
        if isinstance(job, HttpReply):
            return job
        polling = _Polling(self._inner, f"/status/{job}", headers, ends=ends, silence=math.inf)
        finished = False
        try:
            while not finished:
                state = await polling.next()
                finished = isinstance(state, HttpReply) or state.status in _ENDED
        finally:
            if not finished:
                self.cancel(job, headers)
        if isinstance(state, HttpReply):
            return state
        _raise_if_failed(state)
        return HttpReply(200, dict, _whole(state.output))

    async def get(self, path: str, headers: Mapping[str, str], deadline: float) -> HttpReply:
        """GET of the endpoint itself."""
        return await self._inner.get(path, headers, deadline)

    def stream(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float = math.inf) -> "JobStream":
        """Prepare a job whose output is read in pieces."""
        return JobStream(self, path, headers, body, min(deadline, self._deadline))

    async def aclose(self) -> None:
        """Let cancellations go out, then close all connections."""
        if self._cancelling:
            await asyncio.wait(self._cancelling, timeout=_CANCEL_SECONDS)
        await self._inner.aclose()

    async def submit(self, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> str | HttpReply:
        """Hand a job in and return its id, or the answer that refuses it.

        A caller that leaves meanwhile leaves a job behind whose id nobody knows yet: it is cancelled once it is known.
        """
        job = Raw(body)
        wrapped = msgspec.json.encode({"input": {"openai_route": f"/v1{path}", "openai_input": job}})
        handing_in = asyncio.ensure_future(self._inner.send("/run", headers, wrapped, min(seconds, 60.0)))
        try:
            reply = await asyncio.shield(handing_in)
        except asyncio.CancelledError:
            self._keep(self._cancel_once_known(handing_in, headers))
            raise
        return _job_of(reply).id or reply if 200 <= reply.status < 300 else reply

    def polling(self, job: str, headers: Mapping[str, str], ends: float) -> _Polling:
        """Return what asks for a job's stream."""
        return _Polling(self._inner, f"/stream/{job}", headers, ends=ends, silence=self._silence)

    def cancel(self, job: str, headers: Mapping[str, str]) -> None:
        """End a job without waiting for it."""
        self._keep(self._cancel(job, headers))

    async def _cancel(self, job: str, headers: Mapping[str, str]) -> None:
        with suppress(WyeError):  # else the endpoint's own time limit ends it
            await self._inner.send(f"/cancel/{job}", headers, b"{}", _CANCEL_SECONDS)

    async def _cancel_once_known(self, handing_in: "asyncio.Future[HttpReply]", headers: Mapping[str, str]) -> None:
        try:
            job = _job_of(await handing_in).id
        except WyeError:
            return
        if job:
            await self._cancel(job, headers)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)


class JobStream:
    """A job's output in pieces, as server-sent events."""

    def __init__(
        self, owner: JobsTransport, path: str, headers: Mapping[str, str], body: bytes, deadline: float
    ) -> None:
        """Keep what is to be handed in; `deadline` is on the loop's clock and ends the wait for the first piece."""
        self._owner = owner
        self._path, self._headers, self._body, self._deadline = path, headers, body, deadline
        self._job = ""
        self._finished = True
        self._refused: HttpReply | None = None
        self._pieces: deque[bytes] = deque()
        self._polling: _Polling | None = None
        self.status = 0

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer that refused the job."""
        return self._refused.headers if self._refused else {}

    async def __aenter__(self) -> Self:
        """Hand the job in."""
        left = self._deadline - asyncio.get_running_loop().time()
        job = await self._owner.submit(self._path, self._headers, self._body, left)
        if isinstance(job, HttpReply):
            self._refuse(job)
            return self
        self._job, self._finished, self.status = job, False, 200
        self._polling = self._owner.polling(job, self._headers, self._deadline)
        return self

    def _refuse(self, reply: HttpReply) -> None:
        self._refused, self.status = reply, reply.status if reply.status >= 300 else 502
        self._pieces.append(reply.body)

    async def read(self) -> bytes | None:
        """Return the next piece, `None` at the end."""
        while not self._pieces:
            if self._polling is None or self._finished:
                return None
            state = await self._polling.next()
            if isinstance(state, HttpReply):
                self._finished = True
                raise UpstreamError(f"the endpoint no longer knows the job (status {state.status})")
            self._finished = state.status in _ENDED
            if state.status != "COMPLETED":
                _raise_if_failed(state)
            self._take(state.stream or [])
        return self._pieces.popleft()

    def _take(self, items: list[Any]) -> None:
        """Keep pieces; the deadline is for the first one. A job that has ended may have some more, until none comes."""
        pieces = [piece for item in items if (piece := _events(item))]
        if pieces and self._polling is not None:
            self._polling.begin()
            self._finished = pieces[-1].rstrip().endswith(_END_MARKER)
        self._pieces.extend(pieces)

    async def pump(self, reader: Reader) -> None:
        """Feed every piece to `reader` until it is done or the job ends."""
        while not reader.done and (piece := await self.read()) is not None:
            if (wait := reader.feed(piece)) is not None:
                await wait

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel a job that has not ended."""
        if not self._finished:
            self._owner.cancel(self._job, self._headers)


def _job_of(reply: HttpReply) -> _Job:
    try:
        return _decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedResponseError("the endpoint's answer does not describe a job") from None


def _raise_if_failed(job: _Job) -> None:
    match job.status:
        case "FAILED":
            said = job.error if isinstance(job.error, str) else msgspec.json.encode(job.error).decode()
            raise UpstreamError(f"the job failed: {said[:_SHOWN]}")
        case "CANCELLED":
            raise UpstreamError("the job was cancelled at the endpoint")
        case "TIMED_OUT":
            raise UpstreamTimeoutError("the job took longer than the endpoint's execution timeout")


def _too_late(status: str) -> DeadlineExceededError:
    if status == "IN_QUEUE":
        return DeadlineExceededError(
            "no worker of the endpoint was ready in time (IN_QUEUE): a cold start, not a failure; ask again in a "
            "moment, raise [routing] deadline, or keep a worker active",
            code="cold_start",
        )
    return DeadlineExceededError("the time for this request is over; the job was still running")


def _whole(output: Raw) -> bytes:
    """Return an output as one answer; workers that stream wrap it in a list, some write it as a text."""
    if bytes(output) in {b"", b"null"}:
        raise MalformedResponseError("the job ended without an output")
    value: Any = msgspec.json.decode(output)
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)


def _events(item: Any) -> bytes:
    """Return an item of a stream as server-sent events: they may be text already, or the objects alone."""
    output = item.get("output") if isinstance(item, dict) and "output" in item else item
    if isinstance(output, str):
        return output.encode()
    parts = output if isinstance(output, list) else [output]
    return b"".join(
        part.encode() if isinstance(part, str) else b"data: %b\n\n" % msgspec.json.encode(part)
        for part in parts
        if part is not None
    )
