"""OpenAI's `/v1/files`: what batches are made of, and what they put out."""

import json
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, FromQuery, QueryParameter

from wye.gateway.api.batch_views import FileDeleted, FileList, FileObject, file_list, file_view
from wye.gateway.api.here import Here
from wye.gateway.api.pieces import Pieces
from wye.gateway.api.upload import take

_LOOK: Final = {"needs": ("use", "read")}
_USE: Final = {"needs": ("use",)}
_JSONL: Final = "application/jsonl"
_LINE: Final = {
    "custom_id": "request-1",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]},
}
_EXAMPLE: Final = {"purpose": "batch", "file": json.dumps(_LINE) + "\n"}


@dataclass
class _Upload(Operation):
    """Says what form is sent, which the framework would not know of a body that is read as it comes."""

    def __post_init__(self) -> None:
        """Put the body in."""
        text = Schema(type=OpenAPIType.STRING)
        form = Schema(
            type=OpenAPIType.OBJECT,
            required=["file", "purpose"],
            properties={
                "file": Schema(type=OpenAPIType.STRING, description="a JSONL file"),
                "purpose": Schema(type=OpenAPIType.STRING, enum=["batch"]),
                "expires_after[anchor]": Schema(type=OpenAPIType.STRING, enum=["created_at"]),
                "expires_after[seconds]": text,
            },
        )
        self.request_body = RequestBody(
            description="A form with the file in it, and what it is for",
            content={"multipart/form-data": OpenAPIMediaType(schema=form, example=_EXAMPLE)},
            required=True,
        )


@get("/", opt={**_LOOK, "query": {"after": False, "limit": False, "order": False, "purpose": False}})
async def list_files(
    here: NamedDependency[Here],
    after: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=10_000)] = 1000,
    order: FromQuery[Literal["asc", "desc"]] = "desc",
    purpose: FromQuery[str | None] = None,
) -> FileList:
    """List the caller's own files, the latest first, a thousand at most."""
    most = min(limit, 999)
    found = await here.files.every(
        here.caller.user, after=after, purpose=purpose, ascending=order == "asc", limit=most + 1
    )
    return file_list(found, most)


@post("/", status_code=200, opt=_USE, operation_class=_Upload)
async def upload_file(here: NamedDependency[Here]) -> FileObject:
    """Hand in a file of requests, one in each line, to make a batch of; it is kept as it comes."""
    return file_view(await take(here))


@get("/{file_id:str}", opt=_LOOK)
async def show_file(here: NamedDependency[Here], file_id: FromPath[str]) -> FileObject:
    """Show a file of the caller's own, without what is in it."""
    return file_view(await here.files.one(here.caller.user, file_id))


@get(
    "/{file_id:str}/content",
    opt=_LOOK,
    responses={200: ResponseSpec(bytes, media_type=_JSONL, generate_examples=False, description="the file")},
)
async def read_file(here: NamedDependency[Here], file_id: FromPath[str]) -> Pieces:
    """Read what is in a file of the caller's own."""
    row = await here.files.one(here.caller.user, file_id)
    return Pieces(here, _JSONL, here.files.content(here.caller.user, row), filename=row.id + ".jsonl")


@delete("/{file_id:str}", status_code=200, opt=_USE)
async def delete_file(here: NamedDependency[Here], file_id: FromPath[str]) -> FileDeleted:
    """Delete a file of the caller's own, with what is in it."""
    await here.files.drop(here.caller.user, file_id)
    return FileDeleted(id=file_id)


HANDLERS: Final = (list_files, upload_file, show_file, read_file, delete_file)
