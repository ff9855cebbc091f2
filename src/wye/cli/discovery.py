"""`wye models refresh` and `wye providers test`: what providers say when they are asked."""

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wye import catalog
from wye.cli.models import AsJson
from wye.cli.output import Column, console, fail, print_json, print_table
from wye.cli.serve import Config
from wye.config import load_settings
from wye.core.errors import ConfigurationError, WyeError
from wye.core.refresh import Refreshed
from wye.engine import Engine
from wye.library import ModelRouter

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
        reports = asyncio.run(_refresh(Engine(load_settings(rows, path=config), rows), provider or []))
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
    if any(report.error is not None and not _has_no_list(report.error) for report in reports):
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
    return Text(report.error.message, "dim" if _has_no_list(report.error) else "red")


def _print_names(title: str, names: list[str]) -> None:
    if names:
        more = f" … and {len(names) - _SHOWN_AT_MOST} more with --json" if len(names) > _SHOWN_AT_MOST else ""
        line = Text.assemble((f"{title} ", "bold"), ", ".join(names[:_SHOWN_AT_MOST]), more)
        console.print(line, highlight=False, soft_wrap=True)


def _has_no_list(error: WyeError) -> bool:
    return isinstance(error, ConfigurationError) and error.param == "listing"


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
    as_json: AsJson = False,
) -> None:
    """Ask a provider for its models and, if wanted, for one tiny answer; say what to mend where it fails.

    Example: wye providers test openai --complete
    """
    try:
        rows = catalog.load()
        engine = Engine(load_settings(rows, path=config), rows)
        found = asyncio.run(_test(engine, name, model, complete=complete or model is not None))
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


def _step(step: Mapping[str, Any]) -> tuple[str, Text]:
    told = f"{step['told']} ({step['seconds']:.2f} s)"
    return step["step"], Text(told, {True: "green", False: "red", None: "yellow"}[step["ok"]])


async def _test(engine: Engine, name: str, model: str | None, *, complete: bool) -> dict[str, Any]:
    router = ModelRouter(engine)
    try:
        (report,) = await engine.refresh([name])
        steps = [_listed(report, engine)]
        if complete and steps[0]["ok"] is not False:
            steps.append(await _completed(router, report.provider, model))
    finally:
        await router.aclose()
    return {"provider": report.provider, "ok": all(step["ok"] is not False for step in steps), "steps": steps}


def _listed(report: Refreshed, engine: Engine) -> dict[str, Any]:
    error = report.error
    if error is None:
        default = engine.snapshot.catalog.providers[report.provider].default_model
        told = f"{report.models} models"
        here = engine.snapshot.listed[report.provider]
        row = engine.snapshot.catalog.find(report.provider, default) if default else None
        if default and f"{report.provider}/{row.id if row else default}" not in here:
            told += f"; its default model {default!r} is not among them: set default_model or <P>_MODEL"
        return {"step": "models", "ok": True, "told": told, "seconds": report.seconds}
    ok = None if _has_no_list(error) else False
    told = f"{error.message}; --complete asks for an answer" if ok is None else _advice(error)
    return {"step": "models", "ok": ok, "told": told, "seconds": report.seconds, "code": error.code}


async def _completed(router: ModelRouter, provider: str, model: str | None) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        answer = await router.send_message("Say ok.", provider=provider, model=model)
    except WyeError as error:
        told, ok, code = _advice(error), False, error.code
    else:
        told, ok, code = f"{answer.provider}/{answer.model} answered {answer.finish_reason!r}", True, ""
    return {"step": "answer", "ok": ok, "told": told, "seconds": time.perf_counter() - began, "code": code}


_ADVICE: Final[Mapping[str, str]] = {
    "provider_authentication_failed": "check the key: it is the provider that refused it",
    "provider_permission_denied": "the key is valid, but may not do this: check its scopes at the provider",
    "insufficient_quota": "the account has no credit left: check its billing",
    "rate_limit_exceeded": "the key works; wait a moment",
    "connection_failed": "check base_url, and that the server runs",
    "address_refused": "set allow_private_network = true if the address is meant",
    "timeout": "check base_url; a slow server needs a larger timeout",
    "malformed_response": "check base_url: what answers there does not speak this wire format",
    "model_not_found": "check base_url and the model's name: 'wye models refresh' lists what there is",
    "upstream_error": "check base_url, and the provider's status page",
}


def _advice(error: WyeError) -> str:
    advice = _ADVICE.get(error.code)
    return f"{error.message} [{error.code}]: {advice}" if advice else f"{error.message} [{error.code}]"
