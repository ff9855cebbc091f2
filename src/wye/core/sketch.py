"""A sketch of how long things took: counts in buckets that grow by a fixed ratio, so that sketches add up exactly.

Bucket i holds what is above `GROWTH` ** (i - 1) and at most `GROWTH` ** i microseconds. A quantile is read as the
middle of the bucket it falls into and is therefore at most 5% away from the exact one (`ERROR`), whatever was added to
whatever; quantiles of a merged sketch are as good as those of its parts. This is the sketch of Masson, Rim and Lee,
"DDSketch", https://arxiv.org/abs/1908.10693, with an unbounded number of buckets: a day is in bucket 265.
"""

import math
from collections.abc import Mapping
from typing import Final

GROWTH: Final = 1.1
ERROR: Final = (GROWTH - 1) / (GROWTH + 1)
"""How far a quantile may be from the exact one, as a share of it."""
_PER_BUCKET: Final = 1 / math.log(GROWTH)


def bucket(microseconds: int) -> int:
    """Return the bucket of a time; what takes no measurable time is in bucket 0."""
    return math.ceil(math.log(microseconds) * _PER_BUCKET) if microseconds > 1 else 0


def middle(number: int) -> float:
    """Return the time, in microseconds, that stands for a bucket: off by `ERROR` at both of its ends."""
    return 2 * GROWTH**number / (GROWTH + 1)


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """Return the time, in microseconds, within which `share` (0 to 1) of what was counted was done; `None` of nothing.

    `counts` are by bucket. The rank is the nearest one: the median of four is the second.
    """
    total = sum(counts.values())
    if total == 0:
        return None
    rank, seen = max(1, math.ceil(share * total)), 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= rank:
            return middle(number)
    raise AssertionError("the counts of a sketch cannot be negative")
