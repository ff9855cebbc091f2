"""The answers of `/v1/files` and `/v1/batches`, in OpenAI's form; times are seconds since the epoch.

What OpenAI's objects have no place for stands in the member `wye`, which its clients leave alone.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from wye.core.record import PICO_PER_USD
from wye.store.batches import Batch, Mistake, Status
from wye.store.files import File, Purpose

_US = 1_000_000


class WireView(Struct, frozen=True, kw_only=True):
    """A part of an answer."""


class FileObject(WireView, frozen=True, kw_only=True):
    """A file; `bytes` is its size, `expires_at` when it is forgotten, where that was asked for."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"
    expires_at: int | None = None


class FileList(WireView, frozen=True, kw_only=True):
    """Files; `last_id` is the `after` of the next page, where there `has_more`."""

    object: Literal["list"] = "list"
    data: Sequence[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(WireView, frozen=True, kw_only=True):
    """A file that is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: bool = True


class BatchError(WireView, frozen=True, kw_only=True):
    """What is wrong with the file of a batch; `line` counts from 1."""

    code: str
    message: str
    line: int | None
    param: str | None


class BatchErrors(WireView, frozen=True, kw_only=True):
    """All that is wrong with it, up to a hundred."""

    object: Literal["list"] = "list"
    data: Sequence[BatchError]


class BatchCounts(WireView, frozen=True, kw_only=True):
    """How many lines there are, were answered, and failed."""

    total: int
    completed: int
    failed: int


class BatchInputDetails(WireView, frozen=True, kw_only=True):
    """Of the tokens of input."""

    cached_tokens: int


class BatchOutputDetails(WireView, frozen=True, kw_only=True):
    """Of the tokens of output."""

    reasoning_tokens: int


class BatchUsage(WireView, frozen=True, kw_only=True):
    """Tokens of all lines that were answered or failed."""

    input_tokens: int
    input_tokens_details: BatchInputDetails
    output_tokens: int
    output_tokens_details: BatchOutputDetails
    total_tokens: int


class BatchExtras(WireView, frozen=True, kw_only=True):
    """What only Wye says: USD, without the lines whose cost nobody knows, and why it waits, where it does."""

    cost_usd: float
    unknown_costs: int
    waits_for: str | None


class BatchObject(WireView, frozen=True, kw_only=True):
    """A batch."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    model: str | None
    errors: BatchErrors | None
    input_file_id: str
    completion_window: str = "24h"
    status: Status
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: BatchCounts
    usage: BatchUsage
    metadata: dict[str, str] | None
    wye: BatchExtras


class BatchList(WireView, frozen=True, kw_only=True):
    """Batches, the latest first; `last_id` is the `after` of the next page, where there `has_more`."""

    object: Literal["list"] = "list"
    data: Sequence[BatchObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


def file_view(row: File) -> FileObject:
    """Show a file."""
    return FileObject(
        id=row.id,
        bytes=row.size,
        created_at=row.created_at // _US,
        filename=row.filename,
        purpose=row.purpose,
        expires_at=_seconds(row.expires_at),
    )


def file_list(rows: Sequence[File], limit: int) -> FileList:
    """Show a page of at most `limit`, of which one more was read where there is one."""
    shown = [file_view(row) for row in rows[:limit]]
    first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
    return FileList(data=shown, first_id=first, last_id=last, has_more=len(rows) > limit)


def batch_list(rows: Sequence[Batch], limit: int) -> BatchList:
    """Show a page of at most `limit`, of which one more was read where there is one."""
    shown = [batch_view(row) for row in rows[:limit]]
    first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
    return BatchList(data=shown, first_id=first, last_id=last, has_more=len(rows) > limit)


def batch_view(row: Batch) -> BatchObject:
    """Show a batch."""
    return BatchObject(
        id=row.id,
        endpoint=row.endpoint,
        model=row.model,
        errors=BatchErrors(data=[_error(one) for one in row.errors]) if row.errors else None,
        input_file_id=row.input_file_id,
        status=row.status,
        output_file_id=row.output_file_id,
        error_file_id=row.error_file_id,
        created_at=row.created_at // _US,
        in_progress_at=_seconds(row.in_progress_at),
        expires_at=row.expires_at // _US,
        finalizing_at=_seconds(row.finalizing_at),
        cancelling_at=_seconds(row.cancelling_at),
        request_counts=BatchCounts(total=row.total, completed=row.completed, failed=row.failed),
        usage=BatchUsage(
            input_tokens=row.input_tokens,
            input_tokens_details=BatchInputDetails(cached_tokens=row.cache_read_tokens),
            output_tokens=row.output_tokens,
            output_tokens_details=BatchOutputDetails(reasoning_tokens=row.reasoning_tokens),
            total_tokens=row.input_tokens + row.output_tokens,
        ),
        metadata=row.metadata,
        wye=BatchExtras(cost_usd=row.cost / PICO_PER_USD, unknown_costs=row.unknown_costs, waits_for=row.waits_for),
        completed_at=_ended(row, "completed"),
        failed_at=_ended(row, "failed"),
        expired_at=_ended(row, "expired"),
        cancelled_at=_ended(row, "cancelled"),
    )


def _ended(row: Batch, status: Status) -> int | None:
    return _seconds(row.ended_at) if row.status == status else None


def _error(one: Mistake) -> BatchError:
    return BatchError(code=one.code, message=one.message, line=one.line, param=one.param)


def _seconds(at: int | None) -> int | None:
    return None if at is None else at // _US
