"""Lets models call tools: asks, runs what is called, tells what came of it, and asks again.

Every round is one exchange through the engine, so that routing, failover, budgets and books hold for each; the first
is the parent of the others. The library's client and the application's chat go through this one loop.
"""

from wye.toolloop.offered import Offered, Output, Tools
from wye.toolloop.rounds import run, stream
from wye.toolloop.values import (
    Answered,
    Ask,
    Cited,
    Done,
    Event,
    Failed,
    ReasoningDelta,
    RefusalDelta,
    Stopped,
    TextDelta,
    ToolAnswered,
    ToolCalled,
    ToolRun,
)

__all__ = [
    "Answered",
    "Ask",
    "Cited",
    "Done",
    "Event",
    "Failed",
    "Offered",
    "Output",
    "ReasoningDelta",
    "RefusalDelta",
    "Stopped",
    "TextDelta",
    "ToolAnswered",
    "ToolCalled",
    "ToolRun",
    "Tools",
    "run",
    "stream",
]
