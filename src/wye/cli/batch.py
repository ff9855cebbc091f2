"""`wye batch`: hands files of requests to the gateway, watches what becomes of them, and saves the answers."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wye import catalog
from wye.cli import gateway
from wye.cli.models import AsJson
from wye.cli.output import Column, console, errors, fail, figure, money, print_json, print_table
from wye.cli.serve import Config
from wye.config import Settings, load_settings
from wye.core.errors import InvalidRequestError, WyeError

_OVER: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_COLORS: Final = {"completed": "green", "failed": "red", "expired": "red", "cancelled": "yellow"}
_COLUMNS: Final = (
    Column("id"),
    Column("status"),
    Column("done", right=True),
    Column("failed", right=True),
    Column("of", right=True),
    Column("tokens", 1, right=True),
    Column("cost", right=True),
    Column("model", 2),
    Column("made", 2),
)
_EVERY_SECONDS: Final = 0.5
_UPLOAD_SECONDS: Final = 600.0
_BOUNDARY: Final = "wye-batch-5f0c8d2ab1e74630"
_PIECE: Final = 256 * 1024
_Id = Annotated[str, typer.Argument(help="As 'wye batch list' shows it.")]


class _Line(msgspec.Struct):
    url: str = ""


def run(
    file: Annotated[Path, typer.Argument(help="JSONL: a request in each line, as OpenAI's batches have them")],
    *,
    endpoint: Annotated[str | None, typer.Option(help="What is asked for; as the first line says.")] = None,
    output: Annotated[Path | None, typer.Option(help="Where answers go; beside the file.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for it.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Hand in a file, wait until all of it is answered, and save answers and errors; status 1 where a line failed.

    Example: wye batch run lines.jsonl
    """
    settings = _settings(config)
    try:
        url = endpoint or _endpoint_of(file)
        handed_in = _hand_in(settings, file)
        asked = {"input_file_id": handed_in["id"], "endpoint": url, "completion_window": "24h"}
        found = _ask(settings, "POST", "/v1/batches", asked)
        saved: dict[str, str] = {}
        if not detach:
            found = _watched(settings, found)
            saved = _save(settings, found, file, output)
    except WyeError as error:
        fail(error)
    except OSError as error:
        fail(InvalidRequestError(f"{file} cannot be read: {error.strerror}"))
    if as_json:
        print_json({**found, "saved": saved})
    else:
        _print(found, saved)
    if found["status"] in _OVER and (found["status"] != "completed" or found["request_counts"]["failed"]):
        raise typer.Exit(1)


def list_batches(
    *,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 20,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List batches, the latest first: how far each is, and what it cost.

    Example: wye batch list
    """
    found = _told(config, "GET", f"/v1/batches?limit={limit}")
    if as_json:
        print_json(found["data"])
    elif not found["data"]:
        console.print("no batches yet; 'wye batch run lines.jsonl' makes one", markup=False)
    else:
        print_table(_COLUMNS, [_row(one) for one in found["data"]])


def show(batch_id: _Id, *, config: Config = None, as_json: AsJson = False) -> None:
    """Show one batch, and what is wrong with its file where something is.

    Example: wye batch show batch_0123456789abcdef01234567
    """
    found = _told(config, "GET", f"/v1/batches/{quote(batch_id, safe='')}")
    if as_json:
        print_json(found)
    else:
        _print(found, {})


def cancel(batch_id: _Id, *, config: Config = None, as_json: AsJson = False) -> None:
    """Have no further line of a batch asked; what was answered until then stays.

    Example: wye batch cancel batch_0123456789abcdef01234567
    """
    found = _told(config, "POST", f"/v1/batches/{quote(batch_id, safe='')}/cancel")
    if as_json:
        print_json(found)
    else:
        console.print(f"{found['id']} is {found['status']}", markup=False, highlight=False)


def _settings(config: Path | None) -> Settings:
    try:
        return load_settings(catalog.load(), path=config)
    except WyeError as error:
        fail(error)


def _told(config: Path | None, method: str, path: str) -> Any:
    try:
        return _ask(_settings(config), method, path)
    except WyeError as error:
        fail(error)


def _ask(settings: Settings, method: str, path: str, body: Any = None) -> Any:
    return _there(settings, gateway.ask(settings, method, path, body, seconds=30.0))


def _there(settings: Settings, found: Any) -> Any:
    if found is None:
        where = gateway.where(settings)
        raise WyeError(f"no gateway answers at {where}: start it with 'wye serve', or name its settings with --config")
    return found


def _endpoint_of(file: Path) -> str:
    """Return what the first line asks for."""
    with file.open("rb") as lines:
        first = next((line for line in lines if line.strip()), b"")
    try:
        url = msgspec.json.decode(first, type=_Line).url
    except (msgspec.DecodeError, UnicodeDecodeError):
        url = ""
    if not url:
        raise InvalidRequestError(f"the first line of {file} has no 'url': say --endpoint /v1/chat/completions")
    return url


def _hand_in(settings: Settings, file: Path) -> Any:
    name = file.name.replace("\\", "_").replace('"', "_")
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    ).encode()
    tail = f"\r\n--{_BOUNDARY}--\r\n".encode()
    length = len(head) + file.stat().st_size + len(tail)

    def form() -> Iterator[bytes]:
        yield head
        with file.open("rb") as content:
            while piece := content.read(_PIECE):
                yield piece
        yield tail

    kind = f"multipart/form-data; boundary={_BOUNDARY}"
    sent = gateway.send(settings, "POST", "/v1/files", form(), kind=kind, seconds=_UPLOAD_SECONDS, length=length)
    return _there(settings, sent)


def _watched(settings: Settings, batch: Any, sleep: Callable[[float], None] = time.sleep) -> Any:
    """Return a batch once it is over; meanwhile a bar says how far it is, where somebody sees it."""
    path, bar = f"/v1/batches/{batch['id']}", None
    with ExitStack() as stack:
        if errors.is_terminal:
            columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            bar = stack.enter_context(Progress(*columns, console=errors, transient=True))
            task = bar.add_task(batch["status"], total=None)
        try:
            while batch["status"] not in _OVER:
                sleep(_EVERY_SECONDS)
                batch = _ask(settings, "GET", path)
                if bar is not None:
                    counts, waits = batch["request_counts"], batch["wye"]["waits_for"]
                    said = f"waits: {waits}"[:60] if waits else batch["status"].replace("_", " ")
                    done = counts["completed"] + counts["failed"]
                    bar.update(task, description=said, total=counts["total"] or None, completed=done)
        except KeyboardInterrupt:
            errors.print(f"the batch goes on without you: wye batch show {batch['id']}", markup=False, highlight=False)
            raise
    return batch


def _save(settings: Settings, batch: Any, file: Path, output: Path | None) -> dict[str, str]:
    """Write answers and errors beside the file they are of."""
    out = output or file.with_suffix(".output.jsonl")
    named = {"output_file_id": out, "error_file_id": out.with_name(f"{out.stem.removesuffix('.output')}.errors.jsonl")}
    saved = {}
    for member, to in named.items():
        if batch[member] is not None:
            gateway.save(settings, f"/v1/files/{batch[member]}/content", to)
            saved[member.removesuffix("_file_id")] = str(to)
    return saved


def _print(batch: Any, saved: dict[str, str]) -> None:
    print_table(_COLUMNS, [_row(batch)])
    if (waits := batch["wye"]["waits_for"]) is not None:
        console.print(f"it waits: {waits}", markup=False, highlight=False, soft_wrap=True)
    problems = (batch["errors"] or {}).get("data", [])
    if problems:
        columns = (Column("line", right=True), Column("code"), Column("message", text="wrapped"))
        print_table(columns, [(str(one["line"] or "–"), one["code"], one["message"]) for one in problems])
    for what, where in saved.items():
        console.print(f"{what}: {where}", markup=False, highlight=False, soft_wrap=True)


def _row(batch: Any) -> tuple[Any, ...]:
    counts, status = batch["request_counts"], batch["status"]
    made = datetime.fromtimestamp(batch["created_at"], UTC).strftime("%Y-%m-%d %H:%M")
    color = _COLORS.get(status)
    cost = Decimal(str(batch["wye"]["cost_usd"]))
    return (
        batch["id"],
        console.render_str(f"[{color}]{status}[/]") if color else status,
        figure(counts["completed"]),
        figure(counts["failed"]),
        figure(counts["total"]),
        figure(batch["usage"]["total_tokens"]),
        money(cost.normalize()) + (" +" if batch["wye"]["unknown_costs"] else ""),
        batch["model"] or "–",
        made,
    )
