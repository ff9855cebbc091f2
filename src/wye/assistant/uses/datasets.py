"""Checks a data set of chat examples, one JSON object a line: form, roles, lengths, tools, and what is there twice.

A line is `{"messages": [...], "tools": [...]}` as OpenAI's fine-tuning reads it
(https://platform.openai.com/docs/guides/fine-tuning); most other trainers read the same. Tokens are estimated.
"""

import statistics
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct, field

from wye.assistant.uses.duplicates import Duplicates
from wye.assistant.uses.examples import check_example, text_of, tokens_of
from wye.assistant.uses.problems import Code, Problem, Severity

MAX_TOKENS: Final = 65_536
"""The longest example that is usually trained on."""
_FEWEST: Final = 10
_SHOWN: Final = 200

Role: TypeAlias = str
Verdict: TypeAlias = Literal["ok", "warnings", "errors"]


class Spread(Struct, frozen=True, kw_only=True):
    """How a number is spread over the examples."""

    total: int = 0
    smallest: int = 0
    median: float = 0.0
    mean: float = 0.0
    p95: float = 0.0
    largest: int = 0


class Report(Struct, frozen=True, kw_only=True):
    """What a data set is like.

    `examples` counts lines that hold one, `valid` those without an error. `problems` are the first of them, in order
    of lines; `counts` are of all, by code. `tokens` are estimates, of valid examples. `roles` counts messages.
    """

    verdict: Verdict
    lines: int
    examples: int
    valid: int
    errors: int
    warnings: int
    problems: list[Problem]
    counts: dict[Code, int]
    tokens: Spread
    messages: Spread
    roles: dict[Role, int]
    with_tools: int
    duplicates: int
    near_duplicates: int


class _Seen(Struct):
    """What was found so far."""

    problems: list[Problem] = field(default_factory=list)
    counts: Counter[Code] = field(default_factory=Counter)
    severities: Counter[Severity] = field(default_factory=Counter)
    roles: Counter[Role] = field(default_factory=Counter)
    tokens: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    lines: int = 0
    examples: int = 0
    with_tools: int = 0

    def add(self, found: Iterable[Problem]) -> bool:
        """Note problems; tell whether any is an error."""
        wrong = False
        for problem in found:
            wrong = wrong or problem.severity == "error"
            self.counts[problem.code] += 1
            self.severities[problem.severity] += 1
            if len(self.problems) < _SHOWN:
                self.problems.append(problem)
        return wrong


def check_lines(lines: Iterable[str | bytes], *, max_tokens: int = MAX_TOKENS) -> Report:
    """Return what lines of JSON are like as a data set; `max_tokens` is what one example may be long."""
    seen, twins = _Seen(), Duplicates()
    for number, line in enumerate(lines, 1):
        seen.lines = number
        _check_line(seen, twins, number, line, max_tokens)
    if seen.lines and seen.examples < _FEWEST:
        told = f"there are {seen.examples} examples: most trainers want {_FEWEST} at least"
        seen.add([Problem(line=0, severity="warning", code="too_few_examples", message=told)])
    if not seen.lines:
        seen.add([Problem(line=0, severity="error", code="empty", message="the data set is empty")])
    errors, warnings = seen.severities["error"], seen.severities["warning"]
    return Report(
        verdict="errors" if errors else "warnings" if warnings else "ok",
        lines=seen.lines,
        examples=seen.examples,
        valid=len(seen.tokens),
        errors=errors,
        warnings=warnings,
        problems=seen.problems,
        counts=dict(seen.counts.most_common()),
        tokens=_spread(seen.tokens),
        messages=_spread(seen.lengths),
        roles=dict(seen.roles.most_common()),
        with_tools=seen.with_tools,
        duplicates=seen.counts["duplicate"],
        near_duplicates=seen.counts["near_duplicate"],
    )


def _check_line(seen: _Seen, twins: Duplicates, number: int, line: str | bytes, max_tokens: int) -> None:
    example, found = _read(number, line)
    if example is None:
        seen.add(found)
        return
    seen.examples += 1
    if seen.add(check_example(number, example)):
        return
    messages = example["messages"]
    seen.roles.update(message["role"] for message in messages)
    seen.with_tools += bool(example.get("tools"))
    tokens = tokens_of(example)
    seen.tokens.append(tokens)
    seen.lengths.append(len(messages))
    if tokens > max_tokens:
        told = f"about {tokens} tokens, of which {max_tokens} are read: shorten it or split it"
        seen.add([Problem(line=number, severity="error", code="too_long", message=told)])
        seen.tokens.pop()
        seen.lengths.pop()
        return
    first = twins.see(number, example, text_of(messages))
    if first is not None:
        kind, other, likeness = first
        alike = "the same as" if kind == "duplicate" else f"{likeness:.0%} like"
        told = f"{alike} line {other}: a model learns it twice as hard, and a test on it tells nothing"
        seen.add([Problem(line=number, severity="warning", code=kind, message=told)])


def _read(number: int, line: str | bytes) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return the object that a line holds, or what is wrong with the line."""

    def wrong(code: Code, message: str, severity: Severity = "error") -> tuple[None, list[Problem]]:
        return None, [Problem(line=number, severity=severity, code=code, message=message)]

    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf") if isinstance(line, bytes) else line.removeprefix("\ufeff")
    if not line.strip():
        return wrong("blank_line", "a blank line: some trainers stop there", "warning")
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError) as error:
        return wrong("invalid_json", f"this is no JSON: {error}")
    except RecursionError:
        return wrong("invalid_json", "this is nested too deeply to be read")
    if not isinstance(value, dict):
        return wrong("no_object", "a line holds one JSON object, in braces")
    return value, []


def _spread(values: list[int]) -> Spread:
    if not values:
        return Spread()
    in_order = sorted(values)
    return Spread(
        total=sum(in_order),
        smallest=in_order[0],
        median=statistics.median(in_order),
        mean=round(statistics.fmean(in_order), 1),
        p95=in_order[min(len(in_order) - 1, len(in_order) * 95 // 100)],
        largest=in_order[-1],
    )
