"""Reads the sources of an answer, and counts the searches that Google charges for."""

import re
from typing import Final

from msgspec import Struct

from wye.core.content import Citation


class _Web(Struct):
    uri: str | None = None
    title: str | None = None


class _Retrieved(Struct):
    uri: str | None = None
    title: str | None = None
    text: str | None = None


class _Chunk(Struct, rename="camel"):
    web: _Web | None = None
    maps: _Retrieved | None = None
    retrieved_context: _Retrieved | None = None


class _Segment(Struct, rename="camel"):
    start_index: int | None = None
    end_index: int | None = None


class _Support(Struct, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class Grounding(Struct, rename="camel"):
    """What Google looked up for a candidate: https://ai.google.dev/api/generate-content#GroundingMetadata."""

    grounding_chunks: list[_Chunk] | None = None
    grounding_supports: list[_Support] | None = None
    web_search_queries: list[str] | None = None


class _Source(Struct, rename="camel"):
    uri: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class Cited(Struct, rename="camel"):
    """Where a candidate recites: https://ai.google.dev/api/generate-content#citationmetadata."""

    citation_sources: list[_Source] | None = None
    citations: list[_Source] | None = None


_PER_PROMPT: Final = re.compile(r"(?:.*/)?gemini-[12]\.")


def searches(grounding: Grounding | None, model: str) -> int:
    """Count what Google charges apiece: every query, and every prompt that had any up to the second generation.

    https://ai.google.dev/gemini-api/docs/google-search#pricing
    """
    queries = len({query for query in (grounding.web_search_queries if grounding else None) or () if query})
    return min(queries, 1) if _PER_PROMPT.match(model) else queries


def citations(
    grounding: Grounding | None, cited: Cited | None, text: str | None = None, *, ascii_only: bool = False
) -> tuple[Citation, ...]:
    """Return the sources of `text`, each as often as it supports something, and once where nothing says what.

    Google counts in bytes. Of a stream's text nothing is kept but whether it was `ascii_only`, where a byte is a
    character; else the places in it stay unsaid.
    """
    if grounding is None and cited is None:
        return ()
    data = text.encode() if text is not None else None
    found: list[Citation] = []
    chunks = (grounding.grounding_chunks if grounding else None) or []
    used: set[int] = set()
    for support in (grounding.grounding_supports if grounding else None) or ():
        segment = support.segment or _Segment()
        place = _place(segment.start_index, segment.end_index, data, ascii_only=ascii_only)
        for index in support.grounding_chunk_indices or ():
            if 0 <= index < len(chunks):
                used.add(index)
                found.append(_citation(chunks[index], place))
    found += (_citation(chunk, (None, None)) for index, chunk in enumerate(chunks) if index not in used)
    for source in (cited.citations or cited.citation_sources if cited else None) or ():
        start, end = _place(source.start_index, source.end_index, data, ascii_only=ascii_only)
        found.append(Citation(url=source.uri, title=source.title, start=start, end=end))
    return tuple(found)


def _citation(chunk: _Chunk, place: tuple[int | None, int | None]) -> Citation:
    start, end = place
    if chunk.web is not None:
        return Citation(url=chunk.web.uri, title=chunk.web.title, start=start, end=end)
    source = chunk.retrieved_context or chunk.maps or _Retrieved()
    return Citation(url=source.uri, title=source.title, cited_text=source.text, start=start, end=end)


def _place(
    start: int | None, end: int | None, data: bytes | None, *, ascii_only: bool
) -> tuple[int | None, int | None]:
    """Turn places in bytes into places in characters; a start that is not told is the beginning."""
    if end is None or (data is None and not ascii_only):
        return None, None
    first = max(start or 0, 0)
    if data is None:
        return first, max(end, first)
    before = len(data[:first].decode(errors="ignore"))
    return before, before + len(data[first : max(end, first)].decode(errors="ignore"))
