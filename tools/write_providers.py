"""Write `docs/providers.md` from the catalog: who is reached how, with which credentials, and what their models can do.

python tools/write_providers.py            write the page
python tools/write_providers.py --check    change nothing, exit 1 where the page is not what the catalog says
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from wye import catalog
from wye.catalog.schema import ModelInfo, Provider, WireTraits

PAGE = Path(__file__).resolve().parent.parent / "docs" / "providers.md"

ABILITIES: Sequence[Sequence[tuple[str, tuple[str, ...]]]] = (
    (
        ("chat", ("text",)),
        ("stream", ("streaming",)),
        ("tools", ("function-calling",)),
        ("parallel", ("parallel-tools",)),
        ("JSON", ("json-mode", "json-schema")),
        ("schema", ("json-schema",)),
        ("reasoning", ("reasoning", "extended-thinking", "adaptive-thinking")),
        ("caching", ("prompt-caching",)),
        ("logprobs", ("logprobs",)),
    ),
    (
        ("images in", ("vision",)),
        ("PDF", ("pdf",)),
        ("audio in", ("audio",)),
        ("video in", ("video",)),
        ("images out", ("image-output", "image-generation")),
        ("speech out", ("audio-output", "speech")),
        ("transcripts", ("transcription",)),
    ),
    (
        ("web search", ("web-search",)),
        ("citations", ("citations",)),
        ("code execution", ("code-execution",)),
        ("deep research", ("deep-research",)),
        ("completions", ("completions",)),
        ("embeddings", ("embeddings",)),
        ("rerank", ("rerank",)),
        ("moderation", ("moderation",)),
    ),
)
"""Tables of columns, and the capabilities of the catalog any of which counts for a column."""

QUIRKS: dict[str, str] = {
    "stream_usage": "usage on a stream: {}",
    "stream_end": "a stream's end: {}",
    "stream_optional": "some back ends do not stream: then one chunk holds the whole answer",
    "tools_by_model": "tools go only to the models whose row says that they take them",
    "max_tokens_field": "the output's limit is `{}`",
    "chat_path": "chat at `{}`",
    "messages_path": "messages at `{}`",
    "responses_path": "responses at `{}`",
    "paths": "paths of their own: {}",
    "dimensions_field": "the length of embeddings is `{}`",
    "refuses": "refuses {}",
    "reasoning_refuses": "models that reason refuse {}",
    "takes": "takes {} beyond the wire",
    "renames": "renames {}",
    "response_formats": "forms of output: {}",
    "required_tool_choice": "a required tool call is `{}`",
    "tool_call_ids": "ids of tool calls: {}",
    "developer_role": "knows the role `developer`: {}",
    "alternating": "wants user and assistant in turn",
    "images": "images as {} only",
    "files": "documents as `{}`",
    "audio": "sounds as {}",
    "web_search": "a search is asked for by: {}",
    "reasoning_style": "effort is asked for by: {}",
    "reasoning_efforts": "efforts: {}",
    "reasoning_back": "earlier thoughts go back as: {}",
    "reasoning_turns": "thoughts are wanted back for turns: {}",
    "reasoning_formats": "signed thoughts it knows: {}",
    "hosted_tools_adapter": "tools that it runs itself go over: {}",
}
"""What is said of each deviation from a wire format; a test sees that each has its sentence."""

HEAD = """\
# Providers

Written by `tools/write_providers.py` from the catalog (`make docs`); do not edit. A figure is the number of the
provider's models in the catalog that can do it, "all" means every model that chats, "–" none. A model that is not in
the catalog can be called all the same: what it can do is then not known, and nothing is held back. `wye models --json`
has the same per model.
"""


def page() -> str:
    """Return the whole page."""
    rows = catalog.load()
    providers = sorted(rows.providers.values(), key=lambda row: row.name.lower())
    models = {row.id: [model for model in rows.models.values() if model.provider == row.id] for row in providers}
    parts = [HEAD, "## How they are reached\n", _reached(providers, models), "## What their models can do\n"]
    parts += [_abilities(providers, models, columns) for columns in ABILITIES]
    parts += ["## How they differ from their wire format\n", _quirks(providers)]
    return "\n".join(parts)


def _reached(providers: list[Provider], models: dict[str, list[ModelInfo]]) -> str:
    lines = [
        (f"[{row.name}]({row.docs_url})" if row.docs_url else row.name, f"`{row.id}`", _wires(row, models[row.id]),
         _credentials(row), f"`{row.default_model}`" if row.default_model else "–", str(len(models[row.id])))
        for row in providers
    ]  # fmt: skip
    return _table(("provider", "id", "wire formats", "key or what enables it", "default model", "models"), lines)


def _wires(row: Provider, models: list[ModelInfo]) -> str:
    further = {model.adapter for model in models if model.adapter} | set(row.also_speaks)
    return ", ".join(f"`{name}`" for name in (row.adapter, *sorted(further - {row.adapter})))


def _credentials(row: Provider) -> str:
    names = (*row.key_env, *(row.sign_in.enough if row.sign_in else ()), *row.enabled_by)
    where = row.base_url_env if row.base_url is None else ()
    return ", ".join(f"`{name}`" for name in dict.fromkeys((*names, *where))) or "nothing"


def _abilities(
    providers: list[Provider], models: dict[str, list[ModelInfo]], columns: Sequence[tuple[str, tuple[str, ...]]]
) -> str:
    lines = [(row.name, *(_share(models[row.id], wanted) for _, wanted in columns)) for row in providers]
    return _table(("provider", *(name for name, _ in columns)), lines)


def _share(models: list[ModelInfo], wanted: tuple[str, ...]) -> str:
    able = [model for model in models if not model.capabilities.isdisjoint(wanted)]
    chatting = [model for model in models if "text" in model.capabilities]
    if not able:
        return "–"
    return "all" if len(chatting) > 1 and set(map(id, able)) >= set(map(id, chatting)) else str(len(able))


def _quirks(providers: list[Provider]) -> str:
    plain = WireTraits()
    lines = []
    for row in providers:
        said = [
            sentence.format(_words(value))
            for name, sentence in QUIRKS.items()
            if (value := getattr(row.wire, name)) != getattr(plain, name)
        ]
        if row.flow == "jobs":
            said.append("requests are handed in as jobs")
        if said:
            lines.append((row.name, "; ".join(said)))
    return _table(("provider", "differs in this"), lines)


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"`{name}` → `{other}`" for name, other in sorted(value.items()))
    if isinstance(value, frozenset):
        return ", ".join(f"`{item}`" for item in sorted(value))
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> int:
    """Write or check the page; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 where the page differs")
    text = page()
    if not parser.parse_args().check:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == text:
        return 0
    print("docs/providers.md is not what the catalog says: run `make docs`")
    return 1


if __name__ == "__main__":
    sys.exit(main())
