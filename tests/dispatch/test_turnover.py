"""What a new configuration leaves behind is closed after the last call that began before it, and not earlier."""

import asyncio
from collections.abc import Mapping

from wye.catalog.schema import ModelInfo
from wye.core.exchange import Exchange
from wye.core.operations import OperationAnswer
from wye.core.plan import Attempt
from wye.core.response import ModelResponse
from wye.core.secret import Secret
from wye.core.sink import Sink
from wye.dispatch.turnover import Turnover


class Lodging:
    """An upstream that is never asked, only closed."""

    closings = 0

    async def complete(
        self, exchange: Exchange, attempt: Attempt, seconds: float, key: Secret | None = None
    ) -> ModelResponse:
        raise NotImplementedError

    async def perform(
        self, exchange: Exchange, attempt: Attempt, seconds: float, key: Secret | None = None
    ) -> OperationAnswer:
        raise NotImplementedError

    async def stream(self, exchange: Exchange, attempt: Attempt, sink: Sink, key: Secret | None = None) -> None:
        raise NotImplementedError

    async def list_models(self, seconds: float, key: Secret | None = None) -> tuple[ModelInfo, ...]:
        raise NotImplementedError

    def knowing(self, models: Mapping[str, ModelInfo]) -> "Lodging":
        raise NotImplementedError

    async def aclose(self) -> None:
        self.closings += 1


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_with_no_call_under_way_it_is_closed_at_once() -> None:
    turnover, left = Turnover(), Lodging()
    turnover.swap([left])
    await settled()
    assert left.closings == 1


async def test_it_stays_open_until_the_last_call_that_began_before_has_ended() -> None:
    turnover, left = Turnover(), Lodging()
    first, second = turnover.enter(), turnover.enter()
    turnover.swap([left])
    after = turnover.enter()
    turnover.leave(first)
    await settled()
    assert left.closings == 0
    turnover.leave(second)
    await settled()
    assert left.closings == 1
    turnover.leave(after)


async def test_a_call_of_an_earlier_configuration_keeps_what_a_later_one_leaves() -> None:
    turnover, first_left, later_left = Turnover(), Lodging(), Lodging()
    old = turnover.enter()
    turnover.swap([first_left])
    turnover.swap([later_left])  # the old call may still use both
    await settled()
    assert first_left.closings == 0
    assert later_left.closings == 0
    turnover.leave(old)
    await settled()
    assert first_left.closings == 1
    assert later_left.closings == 1


async def test_at_the_end_everything_is_closed_whoever_still_uses_it() -> None:
    turnover, left = Turnover(), Lodging()
    turnover.enter()
    turnover.swap([left])
    await turnover.aclose()
    assert left.closings == 1


def test_without_a_loop_it_waits_for_the_end() -> None:
    turnover, left = Turnover(), Lodging()
    turnover.swap([left])
    assert left.closings == 0
    asyncio.run(turnover.aclose())
    assert left.closings == 1
