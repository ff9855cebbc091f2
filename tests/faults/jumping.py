"""Runs `wye` under a wall clock that jumps: `python -m tests.faults.jumping FILE serve …`.

The clock is ahead of the real one by the seconds that the file says; the test writes it. Nothing of the product knows.
"""

import sys
import time
from pathlib import Path

_real = time.time


def _ahead() -> float:
    try:
        return float(_OFFSET.read_text() or 0)
    except FileNotFoundError:
        return 0.0


if __name__ == "__main__":
    _OFFSET = Path(sys.argv.pop(1))
    time.time = lambda: _real() + _ahead()
    from wye.cli import main

    main()
