"""Every provider of the recordings behind one server, which answers as one of them did."""

import json
import re

from tests.support.gateway import catalog_rows, provider
from tests.support.oracle import stream_documents
from tests.support.recordings import WIRES, Recording, Wire, load
from tests.support.upstream import Reply

CATALOG_IDS = {"azure-openai": "azure"}
"""Providers of recordings that the catalog knows by another id; most it knows by the same."""


def every_provider(url: str, *lines: str) -> str:
    """Return settings in which each provider of the recordings is at `url/<its id>`, with further `lines` each."""
    sections = []
    for wire in WIRES:
        for name in sorted({provider_of(wire, recording) for recording in load(wire, status_ok=False)}):
            settings = [*lines, *([f'adapter = "{wire}"'] if catalog_rows().provider(name) is None else [])]
            sections.append(provider(name, f"{url}/{name}", *settings))
    return "\n".join(sections)


def provider_of(wire: Wire, recording: Recording) -> str:
    """Name the provider: the catalog's where it has one that speaks this wire, else one of the tests' own."""
    name = CATALOG_IDS.get(recording.provider, recording.provider)
    row = catalog_rows().provider(name)
    return name if row is not None and row.adapter == wire else re.sub(r"[^a-z0-9]+", "-", f"{name}-{wire}")


def replay(wire: Wire, recording: Recording) -> Reply:
    if not recording.streamed:
        return Reply.raw(recording.response_body, "application/json", status=recording.status)
    return Reply.stream([stream_body(recording)], content_type(wire))


def stream_body(recording: Recording) -> bytes:
    """Return a stream as the gateway asks for one: as events, where somebody once asked for an array of them."""
    body = recording.response_body
    if not body.lstrip().startswith(b"["):
        return body
    return b"".join(b"data: " + json.dumps(item).encode() + b"\r\n\r\n" for item in stream_documents(body))


def content_type(wire: Wire) -> str:
    kinds = {"ollama_chat": "application/x-ndjson", "bedrock_converse": "application/vnd.amazon.eventstream"}
    return kinds.get(wire, "text/event-stream")
