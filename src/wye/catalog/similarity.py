"""Finds the names that someone who mistyped may have meant."""

import functools
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher

_LONGEST = 120
_SHORTLIST = 30
_CLOSE_ENOUGH = 0.6


def nearest(name: str, candidates: Mapping[str, Iterable[str]], *, limit: int, prefer: str = "") -> list[str]:
    """Return up to `limit` keys of `candidates` that have a name near to `name`, nearest first.

    Letter case and separators do not count. Between equals a key that begins with `prefer` goes first, then the
    shorter one. Only the names that share the most pairs of letters are compared letter by letter, so that a thousand
    names take a few milliseconds.
    """
    asked = _squeeze(name)
    pairs = _pairs(asked)
    if not pairs:
        return []
    overlaps = []
    for key, names in candidates.items():
        for known in {_squeeze(known) for known in names}:
            theirs = _pairs(known)
            overlaps.append((2 * len(pairs & theirs) / (len(pairs) + len(theirs) or 1), key, known))
    overlaps.sort(key=lambda overlap: (-overlap[0], overlap[1]))
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(asked)
    best: dict[str, float] = {}
    for overlap, key, known in overlaps[: max(_SHORTLIST, 10 * limit)]:
        matcher.set_seq1(known)
        score = max(matcher.ratio(), overlap)
        if score >= _CLOSE_ENOUGH:
            best[key] = max(score, best.get(key, 0.0))
    return sorted(best, key=lambda key: (-best[key], not key.startswith(prefer), len(key), key))[:limit]


@functools.lru_cache(maxsize=8192)
def _squeeze(name: str) -> str:
    return "".join(letter for letter in name[:_LONGEST].lower() if letter.isalnum())


@functools.lru_cache(maxsize=8192)
def _pairs(word: str) -> frozenset[str]:
    return frozenset(word[start : start + 2] for start in range(len(word) - 1)) or frozenset(word)
