"""`wye chat`."""

import base64
import mimetypes
import os
import select
import stat
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wye.cli.output import console, errors, fail, money, print_json
from wye.cli.running import run
from wye.cli.serve import Config
from wye.core.errors import InvalidRequestError, WyeError
from wye.core.response import StreamChunk

_PATIENCE_SECONDS: Final = 2.0


def chat(
    prompt: Annotated[
        list[str] | None, typer.Argument(help="What to ask; '-' or nothing reads standard input.")
    ] = None,
    *,
    model: Annotated[str, typer.Option("--model", "-m", help="A model, an alias or 'auto'.")] = "auto",
    system: Annotated[str | None, typer.Option("--system", "-s", help="What the model is to be.")] = None,
    image: Annotated[list[str] | None, typer.Option("--image", "-i", help="A picture's path or URL.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Randomness, 0 to 2.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="The longest answer, in tokens.")] = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole answer as JSON, at once.")] = False,
) -> None:
    """Ask a model and see its answer as it comes; what it cost is told at the end.

    Example: wye chat "What is a wye?" -m openai/gpt-4o-mini
    """
    try:
        messages = _messages(prompt or [], system, image or [])
        options = {"temperature": temperature, "max_tokens": max_tokens}
        given = {name: value for name, value in options.items() if value is not None}
        run(_ask(messages, model, config, given, as_json=as_json))
    except WyeError as error:
        fail(error)
    except KeyboardInterrupt:
        errors.print("stopped", style="dim")
        raise typer.Exit(1) from None


def _messages(prompt: list[str], system: str | None, images: list[str]) -> list[dict[str, Any]]:
    text = " ".join(prompt)
    if text in {"", "-"}:
        if sys.stdin.isatty():
            errors.print("reading the prompt from standard input; end with Ctrl-D", style="dim")
        text = sys.stdin.read().strip()
    elif piped := _piped():
        text = f"{text}\n\n{piped}"
    if not text and not images:
        raise InvalidRequestError("the prompt is empty", param="prompt")
    content: Any = text
    if images:
        content = [{"type": "text", "text": text}, *(_image(image) for image in images)]
    asked = {"role": "user", "content": content}
    return [{"role": "system", "content": system}, asked] if system else [asked]


def _piped() -> str:
    """Return what another program or a file gives, to its end; anything else that input may be is left alone."""
    try:
        kind = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return ""
    if not (stat.S_ISFIFO(kind) or stat.S_ISREG(kind)):
        return ""
    ready, _, _ = select.select([sys.stdin], [], [], _PATIENCE_SECONDS)
    if not ready:
        errors.print("waiting for the program that pipes into this one; '< /dev/null' asks without it", style="dim")
    return sys.stdin.read().strip()


def _image(source: str) -> dict[str, Any]:
    if source.startswith(("http://", "https://", "data:")):
        return {"type": "image_url", "image_url": {"url": source}}
    try:
        data = base64.b64encode(Path(source).read_bytes()).decode()
    except OSError as error:
        raise InvalidRequestError(f"the image {source!r} cannot be read: {error.strerror}", param="image") from None
    kind = mimetypes.guess_type(source)[0] or "image/png"
    if not kind.startswith("image/"):
        raise InvalidRequestError(f"{source!r} is no image but {kind}", param="image")
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}


async def _ask(
    messages: list[dict[str, Any]], model: str, config: Path | None, options: dict[str, Any], *, as_json: bool
) -> None:
    from wye.library import ModelRouter

    router = ModelRouter.from_config(config) if config else ModelRouter.from_env()
    async with router:
        if as_json:
            answer = await router.route(messages, model=model, **options)
            print_json(
                {
                    "content": answer.content,
                    "reasoning": answer.reasoning or None,
                    "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in answer.tool_calls],
                    "finish_reason": answer.finish_reason,
                    "provider": answer.provider,
                    "model": answer.model,
                    "usage": answer.usage,
                    "cost_usd": answer.cost,
                }
            )
            return
        began = time.perf_counter()
        screen = _Screen()
        last = StreamChunk()
        try:
            async for chunk in router.route_stream(messages, model=model, **options):
                last = chunk if chunk.provider else last
                screen.show(chunk)
        finally:
            screen.end()
        _sum_up(last, screen.first_shown - began if screen.first_shown else None, time.perf_counter() - began)


class _Screen:
    """Where an answer appears: its text and tool calls on standard output, its reasoning on standard error."""

    def __init__(self) -> None:
        self.first_shown: float | None = None
        self._showing = ""
        self._waiting = errors.status("waiting for the model …") if errors.is_terminal else None
        if self._waiting:
            self._waiting.start()

    def show(self, chunk: StreamChunk) -> None:
        """Show a piece as it comes."""
        if chunk.reasoning:
            self._turn_to("reasoning")
            errors.print(Text(chunk.reasoning, "dim italic"), end="", soft_wrap=True)
        if chunk.content:
            self._turn_to("text")
            sys.stdout.write(chunk.content)
            sys.stdout.flush()
        for call in chunk.tool_calls:
            self._turn_to(f"tool call {call.index}")
            named = f"{call.name} " if call.name else ""
            console.print(Text(f"{named}{call.arguments}", "cyan"), end="", soft_wrap=True)

    def end(self) -> None:
        """Leave whatever comes after this on a line of its own."""
        self._turn_to("")

    def _turn_to(self, what: str) -> None:
        if self._waiting:
            self._waiting.stop()
            self._waiting = None
        if what and self.first_shown is None:
            self.first_shown = time.perf_counter()
        if self._showing not in {"", what}:
            stream = sys.stderr if self._showing == "reasoning" else sys.stdout
            stream.write("\n")
            stream.flush()
        self._showing = what


def _sum_up(last: StreamChunk, first: float | None, took: float) -> None:
    tokens = f"{last.usage.input_tokens:,} in, {last.usage.output_tokens:,} out" if last.usage else "tokens unknown"
    start = f"first token after {first:.2f} s, " if first is not None else ""
    line = f"{last.provider}/{last.model} · {tokens} · {money(last.cost)} · {start}all after {took:.2f} s"
    errors.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
