"""Reads what providers add to OpenAI's answer: thoughts with their signatures, and sources."""

from collections.abc import Iterator
from typing import Any, Final

from wye.adapters.openai_chat.notes import WIRE
from wye.core.content import Citation, Reasoning

_PLACES: Final = 2**31


def thoughts(details: object, calls: frozenset[str | None]) -> tuple[Reasoning, ...]:
    """Read `reasoning_details`; those under the id of a tool call are its signature, not a thought.

    https://openrouter.ai/docs/use-cases/reasoning-tokens#reasoning_details-array-structure
    """
    if not isinstance(details, list):
        return ()
    return tuple(
        thought for detail in details if isinstance(detail, dict) and (thought := _thought(detail, calls)) is not None
    )


def signatures(details: object) -> dict[str, tuple[str, str]]:
    """Return signatures by the id of the call they belong to, each with the format it is of."""
    if not isinstance(details, list):
        return {}
    return {
        detail["id"]: (detail["data"], _text(detail, "format") or WIRE)
        for detail in details
        if isinstance(detail, dict) and _text(detail, "id") and _text(detail, "data")
    }


def _thought(detail: dict[str, Any], calls: frozenset[str | None]) -> Reasoning | None:
    name, data, signature = _text(detail, "id"), _text(detail, "data"), _text(detail, "signature")
    text, summary = _text(detail, "text"), _text(detail, "summary")
    if (data and name in calls) or not (text or summary or data or signature):
        return None
    return Reasoning(
        text=text or summary or "",
        signature=signature,
        encrypted=data,
        id=name,
        origin=_text(detail, "format") or WIRE,
        summary=bool(summary and not text),
    )


def citations(annotations: object) -> Iterator[Citation]:
    """Read `annotations`: https://platform.openai.com/docs/guides/tools-web-search."""
    for annotation in annotations if isinstance(annotations, list) else ():
        if not isinstance(annotation, dict):
            continue
        inner = annotation.get(str(annotation.get("type")))
        facts = inner if isinstance(inner, dict) else annotation
        url, file_id = _text(facts, "url"), _text(facts, "file_id")
        if url or file_id:
            yield Citation(
                url=url,
                title=_text(facts, "title") or _text(facts, "filename"),
                cited_text=_text(facts, "content"),
                start=_place(facts.get("start_index")),
                end=_place(facts.get("end_index")),
                file_id=file_id,
            )


def sources(results: object, urls: object) -> Iterator[Citation]:
    """Read what a searching provider lists beside its answer: `search_results`, else the bare `citations`."""
    found = [result for result in results if isinstance(result, dict)] if isinstance(results, list) else []
    if found:
        for result in found:
            if url := _text(result, "url"):
                yield Citation(url=url, title=_text(result, "title"), cited_text=_text(result, "snippet"))
        return
    for url in urls if isinstance(urls, list) else ():
        if isinstance(url, str) and url:
            yield Citation(url=url)


def _text(facts: dict[str, Any], name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) and value else None


def _place(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _PLACES else None
