"""`wye datasets validate`: checks a data set of chat examples, of any size, without asking anybody."""

import sys
from pathlib import Path
from typing import IO, Annotated, Final

import typer

from wye.assistant.uses.datasets import MAX_TOKENS, Report, check_lines
from wye.cli.models import AsJson
from wye.cli.output import Column, console, fail, print_json, print_table
from wye.core.errors import InvalidRequestError

_COLORS: Final = {"ok": "green", "warnings": "yellow", "errors": "red"}
_SHOWN: Final = 50


def validate(
    file: Annotated[Path, typer.Argument(help="JSONL; - reads standard input")],
    *,
    max_tokens: Annotated[int, typer.Option(min=1, help="What one example may be long.")] = MAX_TOKENS,
    as_json: AsJson = False,
) -> None:
    """Check a data set: form, roles, lengths, tools, and what is there twice; exit status 1 where there is an error.

    Example: wye datasets validate train.jsonl
    """
    try:
        if str(file) == "-":
            report = _checked(sys.stdin.buffer, max_tokens)
        else:
            with file.open("rb") as stream:
                report = _checked(stream, max_tokens)
    except OSError as error:
        fail(InvalidRequestError(f"{file} cannot be read: {error.strerror}"))
    if as_json:
        print_json(report)
    else:
        _print(report)
    if report.errors:
        raise typer.Exit(1)


def _checked(stream: IO[bytes], max_tokens: int) -> Report:
    return check_lines(stream, max_tokens=max_tokens)


def _print(report: Report) -> None:
    shown = report.problems[:_SHOWN]
    if shown:
        columns = (Column("line", right=True), Column("what"), Column("code"), Column("message", text="wrapped"))
        rows = [(str(one.line or "–"), one.severity, one.code, one.message) for one in shown]
        print_table(columns, rows)
    left = report.errors + report.warnings - len(shown)
    if left > 0:
        counts = ", ".join(f"{code} {count}" for code, count in report.counts.items())
        console.print(f"[dim]… and {left} more; all of them: {counts}[/]", highlight=False, soft_wrap=True)
    verdict = f"[{_COLORS[report.verdict]}]{report.verdict}[/]"
    said = f"{report.valid} of {report.lines} lines are good examples"
    tokens = f"about {report.tokens.total:,} tokens, {report.tokens.median:,.0f} at the median"
    console.print(f"{verdict} {said}; {tokens}, {report.tokens.largest:,} at most", highlight=False, soft_wrap=True)
