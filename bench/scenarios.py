"""What is measured: which request, and at how many connections."""

import msgspec

from bench.payloads import CHUNKS, PROMPT, chat_request, long_prompt


class Scenario(msgspec.Struct, frozen=True):
    """One kind of request; `connections` are those of a full run, `quick` the one of a quick run."""

    name: str
    title: str
    body: bytes
    connections: tuple[int, ...]
    quick: int
    stream: bool = False


SMALL = Scenario(
    name="small",
    title="small chat",
    body=chat_request(PROMPT),
    connections=(1, 32, 256),
    quick=32,
)
STREAM = Scenario(
    name="stream",
    title=f"stream of {CHUNKS} chunks",
    body=chat_request(PROMPT, stream=True),
    connections=(1, 16, 200),
    quick=16,
    stream=True,
)
LONG = Scenario(
    name="long",
    title="400 KB prompt",
    body=chat_request(long_prompt(400_000)),
    connections=(1, 32, 256),
    quick=32,
)
SCENARIOS = (SMALL, STREAM, LONG)


class Cell(msgspec.Struct, frozen=True):
    """One row of measurements: a scenario at a number of connections."""

    scenario: Scenario
    connections: int

    @property
    def title(self) -> str:
        """What a table calls it."""
        return f"{self.scenario.title}, {self.connections} connection{'s' if self.connections > 1 else ''}"


def cells(*, quick: bool) -> list[Cell]:
    """Every cell of a run, in the order they are measured and shown."""
    return [
        Cell(scenario, connections)
        for scenario in SCENARIOS
        for connections in ((scenario.quick,) if quick else scenario.connections)
    ]
