"""Scroll through a table of 10,000 rows in the console, and say how smoothly that went.

python tools/scrolling.py [--rows 10000] [--runs 5]

Each run scrolls by 600 px a frame from the first row to the last. What it says depends on the machine: run it where
nothing else runs. A frame is late when it took more than 50 ms, and those that should have come meanwhile are dropped.
"""

import argparse
import json
import re
import statistics
import sys
from typing import Any

from playwright.sync_api import Route, expect
from tests.console.browser import chromium
from tests.console.crowd import many
from tests.console.seed import house
from tests.console.visitor import Console

_SCROLL = """async (box) => {
  const frames = [];
  await new Promise(requestAnimationFrame);
  let before = performance.now();
  while (box.scrollTop + box.clientHeight < box.scrollHeight - 1) {
    box.scrollTop += 600;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - before);
    before = now;
  }
  return frames;
}"""
_EACH_MS = 1000 / 60


def scroll(console: Console, rows: int) -> list[float]:
    """Return how long each frame took (ms)."""

    def answer(route: Route) -> None:
        route.fulfill(body=json.dumps(many(rows)), content_type="application/json")

    console.page.route(re.compile(r"/api/models$"), answer)
    console.open("/models?show=all")
    expect(console.page.get_by_role("status").filter(has_text=f"{rows:,} models")).to_be_visible()
    found: Any = console.page.get_by_role("region", name="Models").evaluate(_SCROLL)
    return [float(frame) for frame in found]


def main() -> int:
    """Scroll, and say how it was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    said = parser.parse_args()
    late, dropped = [], []
    with house(requests=50) as made, chromium() as browser:
        for _ in range(said.runs):
            with Console.visiting(browser, made.url) as console:
                frames = scroll(console, said.rows)
            lost = sum(max(0, round(frame / _EACH_MS) - 1) for frame in frames)
            late.append(sum(frame > 50 for frame in frames))
            dropped.append(lost / (lost + len(frames)))
            print(
                f"{len(frames)} frames: median {statistics.median(frames):.1f} ms, slowest {max(frames):.0f} ms, "
                f"{late[-1]} over 50 ms, {dropped[-1]:.1%} dropped",
                flush=True,
            )
    print(f"median of {said.runs}: {statistics.median(late):g} over 50 ms, {statistics.median(dropped):.1%} dropped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
