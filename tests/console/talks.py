"""Conversations as people hold them, for a gateway that has been used for a month."""

import json
from typing import Any, Final

from wye.store import conversations as rows
from wye.store.conversations import Conversation, Message
from wye.store.database import Database, now_us

MERGING: Final = "conv_seeded_merging"
"""The id of the one with code and a tool in it."""
_HOUR: Final = 3600 * 10**6
_CODE: Final = """\
Sort by start, then either **extend** the last interval or begin a new one:

```python
def merge(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
```

- Sorting dominates: `O(n log n)` time, `O(n)` space.
- Intervals that only touch, `(1, 3)` and `(3, 5)`, become one. Write `<` instead of `<=` to keep them apart."""
_SUM: Final = """\
Merging **2,340** intervals of which 18 % overlap removes at most **421**, so about 1,919 stay.

| | intervals |
|---|---|
| before | 2,340 |
| merged away, at most | 421 |
| after | 1,919 |"""
_TOOL: Final = {
    "name": "calculator",
    "success": True,
    "arguments": json.dumps({"expression": "2340 * 0.18"}),
    "result": json.dumps({"result": "421.2", "exact": True}),
    "round": 1,
    "seconds": 0.0004,
}
_TITLES: Final = (
    ("Rate limits of the new tier", "openai", "gpt-4o-mini"),
    ("What a failover looks like to a user", "anthropic", "claude-opus-5"),
    ("Draft of the release note", "gemini", "gemini-2.5-pro"),
    ("Onboarding mail, in German and French", "mistral", "mistral-large-4"),
    ("Why did the nightly batch cost twice as much?", "openai", "gpt-4o"),
)


async def hold(database: Database, owner: str) -> None:
    """Keep them as those of `owner`, the latest a few minutes old."""
    now = now_us()
    said: tuple[tuple[str, str, dict[str, Any], int], ...] = (
        ("How do I merge overlapping intervals in Python?", _CODE, {}, 412),
        ("We have 2,340 of them and 18 % overlap. How many are left?", _SUM, {"toolsCalled": [_TOOL]}, 96),
    )
    async with database.begin() as connection:
        for at, (title, provider, model) in enumerate(_TITLES):
            begun = now - (at * 7 + 3) * _HOUR
            one = Conversation(
                id=f"conv_seeded_{at}", user_id=owner, title=title, title_source="model", provider=provider,
                model=model, created_at=begun, updated_at=begun,
            )  # fmt: skip
            await rows.add(connection, owner, one)
        talk = Conversation(
            id=MERGING, user_id=owner, title="Merging overlapping intervals", title_source="model",
            provider="anthropic", model="claude-sonnet-5", created_at=now - _HOUR, updated_at=now,
        )  # fmt: skip
        await rows.add(connection, owner, talk)
        before = None
        for at, (question, answer, content, tokens) in enumerate(said):
            asked = _message(owner, f"msg_seeded_{at}q", before, question, role="user")
            usage = {"inputTokens": 38 + at * 460, "outputTokens": tokens, "estimated": False, "cachedTokens": 0}
            account = {"cost": f"0.00{tokens}", "attempts": 1 + at, "finishReason": "stop"}
            usage |= {"totalTokens": 38 + at * 460 + tokens, "reasoningTokens": 0}
            told: dict[str, Any] = {"provider": "anthropic", "model": "claude-sonnet-5", "content": content}
            told["account"] = {**account, "usage": usage}
            answered = _message(owner, f"msg_seeded_{at}a", asked.id, answer, role="assistant", **told)
            await rows.add_message(connection, owner, asked)
            await rows.add_message(connection, owner, answered)
            before = answered.id


def _message(owner: str, name: str, parent: str | None, text: str, **more: Any) -> Message:
    return Message(
        id=name, conversation_id=MERGING, user_id=owner, parent_id=parent, text=text, created_at=now_us(), **more
    )
