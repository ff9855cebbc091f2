"""Imitates Claude on Vertex AI: https://docs.claude.com/en/api/claude-on-vertex-ai. The model is in the path."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from tests.support.imitation import anthropic_messages
from tests.support.imitation.anthropic_messages import refuse, stream, whole
from tests.support.imitation.mind import Heard, RefusedError
from tests.support.imitation.says import key_of
from tests.support.upstream import Received, Reply

__all__ = ["PATH", "WIRE", "authorised", "hear", "no_key", "refuse", "stream", "whole"]

WIRE = "vertex_anthropic"
PATH = re.compile(r"/publishers/anthropic/models/([^/:]+):(rawPredict|streamRawPredict)$")
VERSION = "vertex-2023-10-16"


def authorised(headers: Mapping[str, str]) -> bool:
    return key_of(headers, "authorization").startswith("Bearer ")


def hear(received: Received) -> Heard:
    """Read a request, refusing what Vertex refuses: the model and the version belong elsewhere."""
    found = PATH.search(urlsplit(received.path).path)
    if found is None:
        raise RefusedError("Not Found", status=404, kind="not_found_error")
    body = json.loads(received.body)
    if body.pop("anthropic_version", None) != VERSION:
        raise RefusedError("anthropic_version: Field required")
    if "model" in body:
        raise RefusedError("model: Extra inputs are not permitted")
    name = unquote(found[1])
    heard = anthropic_messages.understand(json.dumps({**body, "model": name}).encode())
    if heard.stream != (found[2] == "streamRawPredict"):
        raise RefusedError("stream: does not fit the method")
    return replace(heard, model=name)


def no_key() -> Reply:
    error = {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"}
    return Reply.json({"error": error}, 401)
