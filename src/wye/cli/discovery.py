"""`wye models refresh` and `wye providers test`: what providers say when they are asked."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.text import Text

from wye import catalog
from wye.checkup import check_up, has_no_list
from wye.cli import gateway
from wye.cli.models import AsJson
from wye.cli.output import Column, console, fail, print_json, print_table
from wye.cli.providers import Local
from wye.cli.running import run
from wye.cli.serve import Config
from wye.config import Settings, load_settings
from wye.core.errors import WyeError
from wye.core.refresh import Refreshed
from wye.engine import Engine

_SHOWN_AT_MOST: Final = 20


def refresh(
    *,
    provider: Annotated[list[str] | None, typer.Option("--provider", "-p", help="Only this one; repeatable.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ask every configured provider which models it has, and report what is new and what is gone.

    Exit status 1 where one could not be asked; the catalog stays whole in any case.

    Example: wye models refresh --provider openrouter
    """
    try:
        rows = catalog.load()
        reports = run(_refresh(Engine(load_settings(rows, path=config), rows), provider or []))
    except WyeError as error:
        fail(error)
    if as_json:
        print_json([_as_json(report) for report in reports])
    elif reports:
        print_table(_COLUMNS, [(*_counts(report), _outcome(report)) for report in reports])
        for title, names in (("new", "new"), ("not listed", "missing")):
            _print_names(title, [name for report in reports for name in getattr(report, names)])
    else:
        console.print("no provider is configured; set OPENAI_API_KEY, say", highlight=False)
    if any(report.error is not None and not has_no_list(report.error) for report in reports):
        raise typer.Exit(1)


async def _refresh(engine: Engine, providers: list[str]) -> list[Refreshed]:
    try:
        return await engine.refresh(providers)
    finally:
        await engine.aclose()


_COLUMNS: Final = (
    Column("provider"),
    Column("models", right=True),
    Column("new", right=True),
    Column("not listed", right=True),
    Column("", text="wrapped"),
)


def _counts(report: Refreshed) -> tuple[str, str, str, str]:
    if report.error is not None:
        return report.provider, "–", "–", "–"
    return report.provider, str(report.models), str(len(report.new)), str(len(report.missing))


def _outcome(report: Refreshed) -> Text:
    if report.error is None:
        return Text(f"ok, {report.seconds:.2f} s", "green")
    return Text(report.error.message, "dim" if has_no_list(report.error) else "red")


def _print_names(title: str, names: list[str]) -> None:
    if names:
        more = f" … and {len(names) - _SHOWN_AT_MOST} more with --json" if len(names) > _SHOWN_AT_MOST else ""
        line = Text.assemble((f"{title} ", "bold"), ", ".join(names[:_SHOWN_AT_MOST]), more)
        console.print(line, highlight=False, soft_wrap=True)


def _as_json(report: Refreshed) -> dict[str, Any]:
    error = report.error
    return {
        "provider": report.provider,
        "ok": error is None,
        "models": report.models,
        "new": report.new,
        "missing": report.missing,
        "seconds": round(report.seconds, 3),
        "error": None if error is None else {"code": error.code, "message": error.message},
    }


def try_provider(
    name: Annotated[str, typer.Argument(help="A provider, by its id or alias.", metavar="ID")],
    *,
    complete: Annotated[bool, typer.Option("--complete", help="Also ask for one tiny answer, which may cost.")] = False,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model of that answer.")] = None,
    config: Config = None,
    local: Local = False,
    as_json: AsJson = False,
) -> None:
    """Ask a provider for its models and, if wanted, for one tiny answer; say what to mend where it fails.

    A running gateway is asked to ask it, whose connections and keys are those that requests use.

    Example: wye providers test openai --complete
    """
    try:
        rows = catalog.load()
        settings = load_settings(rows, path=config)
        wants_answer = complete or model is not None
        found = None if local else _ask_gateway(settings, name, model, complete=wants_answer)
        if found is None:
            found = run(_check_up(Engine(settings, rows), name, model, complete=wants_answer))
    except WyeError as error:
        fail(error)
    if as_json:
        print_json(found)
    else:
        print_table(
            (Column("step"), Column("", text="wrapped")), [_step(step) for step in found["steps"]], titled=False
        )
    if not found["ok"]:
        raise typer.Exit(1)


def _ask_gateway(settings: Settings, name: str, model: str | None, *, complete: bool) -> dict[str, Any] | None:
    form = {"provider": name, "complete": complete, **({"model": model} if model else {})}
    found: dict[str, Any] | None = gateway.ask(
        settings, "POST", "/api/llm-providers/test", form, seconds=2 * settings.routing.deadline
    )
    return found


async def _check_up(engine: Engine, name: str, model: str | None, *, complete: bool) -> dict[str, Any]:
    try:
        return msgspec.to_builtins(await check_up(engine, name, model=model, complete=complete))  # type: ignore[no-any-return]
    finally:
        await engine.aclose()


def _step(step: Mapping[str, Any]) -> tuple[str, Text]:
    told = f"{step['told']} ({step['seconds']:.2f} s)"
    return step["step"], Text(told, {True: "green", False: "red", None: "yellow"}[step["ok"]])
