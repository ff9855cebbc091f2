"""Routes about documents that users upload to have them searched: everybody's own, and nobody else's."""

import base64
import binascii
import copy
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Annotated, Any, Final

from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, Operation, Reference, RequestBody, Schema
from litestar.params import FromPath, FromQuery, QueryParameter

from wye.assistant.documents.reading import TYPES
from wye.assistant.documents.shelf import LONGEST_NAME, LONGEST_QUESTION
from wye.core.document import Document, Found, Passage
from wye.core.errors import InvalidRequestError
from wye.gateway.api.document_forms import DocumentForm
from wye.gateway.api.here import Here
from wye.gateway.api.people_views import moment
from wye.gateway.api.reading import read_struct
from wye.gateway.api.views import View

_LOOK: Final = {"needs": ("use", "read")}
_CHANGE: Final = {"needs": ("use", "manage")}
_PAGE: Final = {"before": False, "limit": False}
_IN_ONE: Final = {"after": False, "limit": False}
_SEARCH: Final = {"q": False, "limit": False, "document": True}


class DocumentView(View, frozen=True, kw_only=True):
    """A document: `size` is bytes of the file, `characters` and `passages` are those of its text, which is kept."""

    id: str
    title: str
    media_type: str
    size: int
    characters: int
    passages: int
    pages: int | None
    created_at: datetime.datetime


class DocumentsView(View, frozen=True, kw_only=True):
    """Documents, the latest first; `next` is the `before` of the next page, `null` on the last."""

    documents: Sequence[DocumentView]
    next: str | None


class PassageView(View, frozen=True, kw_only=True):
    """A part of a document's text from character `start` to `end`; `page` counts from 1, where there are pages."""

    position: int
    page: int | None
    section: str
    start: int
    end: int
    text: str


class WholeDocumentView(View, frozen=True, kw_only=True):
    """A document and its passages in order; `next` is the `after` of the next ones, `null` where these are the last."""

    document: DocumentView
    passages: Sequence[PassageView]
    next: int | None


class FoundView(View, frozen=True, kw_only=True):
    """A passage that was found; `rank` orders the passages of one answer, and means nothing else."""

    document_id: str
    title: str
    rank: float
    passage: PassageView


class FoundsView(View, frozen=True, kw_only=True):
    """The passages that fit best, the best first."""

    found: Sequence[FoundView]


@dataclass
class _Upload(Operation):
    """Says that a file may come as it is, which the framework would not know of a body that is read by hand."""

    def __post_init__(self) -> None:
        """Put the body in."""
        file = OpenAPIMediaType(schema=Schema(type=None))
        form = OpenAPIMediaType(schema=Reference(ref="#/components/schemas/DocumentForm"))
        self.request_body = RequestBody(
            description="A form, or a file as it is with its type as Content-Type and its name in the query",
            content={"application/json": form, **{kind: copy.copy(file) for kind in TYPES}},
            required=True,
        )


@get("/", opt={**_LOOK, "query": _PAGE})
async def list_documents(
    here: NamedDependency[Here],
    before: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
) -> DocumentsView:
    """List the caller's own documents, the latest first."""
    found = await here.documents.every(here.caller.user, before=before, limit=limit)
    return DocumentsView(documents=[_view(row) for row in found], next=found[-1].id if len(found) == limit else None)


@post("/", opt={**_CHANGE, "query": {"name": False}}, operation_class=_Upload)
async def upload_document(
    request: Request[Any, Any, Any],
    here: NamedDependency[Here],
    name: Annotated[str | None, QueryParameter(max_length=LONGEST_NAME, description="of a file sent as it is")] = None,
) -> DocumentView:
    """Upload text, Markdown, HTML or PDF to have it searched; the same file again is the document that there is.

    The text is kept, the file is not. It is found as soon as this answers.
    """
    body, said = await request.body(), here.request.headers.get(b"content-type", b"").decode("latin-1")
    kind, charset = _parsed(said)
    if kind in {"", "application/json"}:
        form = read_struct(body, DocumentForm)
        return _view(
            await here.documents.add(
                here.caller.user, form.name, _content(form), media_type=_kind(form), charset=_charset(form)
            )
        )
    return _view(await here.documents.add(here.caller.user, name or "", body, media_type=kind, charset=charset))


@get("/search", opt={**_LOOK, "query": _SEARCH})
async def search_documents(
    here: NamedDependency[Here],
    said: Annotated[str, QueryParameter(name="q", min_length=1, max_length=LONGEST_QUESTION, description="words")],
    limit: Annotated[int | None, QueryParameter(ge=1, le=50)] = None,
    document: Annotated[
        list[str] | None, QueryParameter(description="the id of one to look into; several times")
    ] = None,
) -> FoundsView:
    """Search the caller's own documents; every sign of the question is taken as it is, none is an operator."""
    found = await here.documents.search(here.caller.user, said, limit=limit, within=document)
    return FoundsView(found=[_found(one) for one in found])


@get("/{document_id:str}", opt={**_LOOK, "query": _IN_ONE})
async def show_document(
    here: NamedDependency[Here],
    document_id: FromPath[str],
    after: Annotated[int, QueryParameter(ge=-1, le=10**9, description="a passage's position")] = -1,
    limit: Annotated[int, QueryParameter(ge=0, le=500)] = 50,
) -> WholeDocumentView:
    """Show a document of the caller's own, with its passages."""
    row = await here.documents.one(here.caller.user, document_id)
    found = await here.documents.passages(here.caller.user, document_id, after=after, limit=limit) if limit else []
    more = bool(found) and found[-1].position < row.passages - 1
    return WholeDocumentView(
        document=_view(row), passages=[_passage(one) for one in found], next=found[-1].position if more else None
    )


@delete("/{document_id:str}", opt=_CHANGE)
async def delete_document(here: NamedDependency[Here], document_id: FromPath[str]) -> None:
    """Delete a document of the caller's own, and all that was kept of it."""
    await here.documents.drop(here.caller.user, document_id)


def _parsed(content_type: str) -> tuple[str, str | None]:
    """Return a header's media type and the encoding that it names."""
    parsed = Message()
    parsed["content-type"] = content_type.partition("\n")[0]
    kind = content_type.partition(";")[0].strip().lower()
    try:
        return kind, parsed.get_content_charset()
    except (LookupError, ValueError):
        return kind, None


def _content(form: DocumentForm) -> bytes:
    if (form.text is None) == (form.content is None):
        what = "give either 'text' or 'content'"
        raise InvalidRequestError(what, code="missing_field", param="content")
    if form.text is not None:
        return form.text.encode("utf-8", "replace")
    try:
        return base64.b64decode(form.content or "", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequestError("'content' is not base64", code="invalid_value", param="content") from None


def _kind(form: DocumentForm) -> str | None:
    if form.media_type is None and form.text is not None and not form.name.lower().endswith(_TEXTS):
        return "text/plain"
    return None if form.media_type is None else _parsed(form.media_type)[0]


_TEXTS: Final = (".md", ".markdown", ".html", ".htm", ".xhtml")


def _charset(form: DocumentForm) -> str | None:
    return "utf-8" if form.text is not None else _parsed(form.media_type or "")[1]


def _view(row: Document) -> DocumentView:
    return DocumentView(
        id=row.id,
        title=row.title,
        media_type=row.media_type,
        size=row.size,
        characters=row.characters,
        passages=row.passages,
        pages=row.pages,
        created_at=moment(row.created_at),
    )


def _passage(one: Passage) -> PassageView:
    return PassageView(
        position=one.position,
        page=one.page,
        section=one.section,
        start=one.start,
        end=one.start + len(one.text),
        text=one.text,
    )


def _found(one: Found) -> FoundView:
    return FoundView(document_id=one.document_id, title=one.title, rank=one.rank, passage=_passage(one.passage))


HANDLERS: Final = (list_documents, upload_document, search_documents, show_document, delete_document)
