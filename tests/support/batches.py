"""Batches as a client makes them: lines, files, and waiting for what becomes of them."""

import io
import json
import time
from collections.abc import Callable
from typing import Any

import openai
from openai.types import Batch
from tests.support.gateway import PATIENCE, Address, Json

CHAT = "/v1/chat/completions"
OVER = frozenset({"completed", "failed", "expired", "cancelled"})


def library(gateway: Address, key: str = "none") -> openai.OpenAI:
    """Return OpenAI's own library, which asks a gateway with a key."""
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0, timeout=PATIENCE)


def line(custom_id: str, model: str = "up/priced", *, url: str = CHAT, text: str = "Hi", **body: Any) -> Json:
    """Return a line that asks a model something."""
    asked: Json = {"model": model, **body}
    if "input" not in body:
        asked["messages"] = [{"role": "user", "content": text}]
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": asked}


def file_of(*lines: Json) -> bytes:
    """Return a file of lines: bytes as they are, the rest as JSON."""
    written = (one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines)
    return b"".join(one + b"\n" for one in written)


def ordered(client: openai.OpenAI, content: bytes, endpoint: Any = CHAT, **more: Any) -> Batch:
    """Hand in a file and make a batch of it."""
    file = client.files.create(file=("lines.jsonl", io.BytesIO(content)), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h", **more)


def until(client: openai.OpenAI, batch_id: str, holds: Callable[[Batch], object]) -> Batch:
    """Return a batch as soon as something is true of it."""
    end = time.monotonic() + PATIENCE
    while not holds(found := client.batches.retrieve(batch_id)):
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


def ended(client: openai.OpenAI, batch_id: str) -> Batch:
    """Return a batch as soon as it is over."""
    return until(client, batch_id, lambda one: one.status in OVER)


def lines_of(client: openai.OpenAI, file_id: str | None) -> list[Json]:
    """Return the lines of a file."""
    assert file_id is not None
    return [json.loads(one) for one in client.files.content(file_id).text.splitlines()]


def extras(batch: Batch) -> Json:
    """Return what only Wye says of a batch."""
    assert batch.model_extra is not None
    return batch.model_extra["wye"]


def counts(batch: Batch) -> tuple[int, int, int]:
    """Return how many lines there are, were answered, and failed."""
    told = batch.request_counts
    assert told is not None
    return told.total, told.completed, told.failed
