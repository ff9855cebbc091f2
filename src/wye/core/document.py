"""Documents that users upload, and the passages they are cut into."""

from msgspec import Struct


class Document(Struct, frozen=True, kw_only=True):
    """A document without its text; `size` is bytes of the file, times are microseconds since the epoch.

    `digest` is the file's SHA-256, `pages` is known of what has pages, `passages` how many there are.
    """

    id: str
    user_id: str
    title: str
    media_type: str
    digest: str
    size: int
    characters: int
    passages: int
    pages: int | None = None
    created_at: int


class Passage(Struct, frozen=True, kw_only=True):
    """A piece of a document's text; it begins at character `start` of it, and on `page`, counted from 1."""

    position: int
    page: int | None = None
    section: str = ""
    start: int
    text: str


class Found(Struct, frozen=True, kw_only=True):
    """A passage that a search found; `rank` orders the passages of one answer, and tells nothing else."""

    document_id: str
    title: str
    media_type: str
    rank: float
    passage: Passage


class Kept(Struct, frozen=True, kw_only=True):
    """How much a user keeps."""

    documents: int
    characters: int
