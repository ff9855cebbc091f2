"""The body with which a document is uploaded as JSON."""

from typing import Annotated, Final

from msgspec import Meta

from wye.gateway.api.forms import Form


class DocumentForm(Form, frozen=True, kw_only=True):
    """A document: its file in `content`, or what it says in `text`."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="what it is called; its ending tells its type")]
    text: Annotated[str, Meta(description="what it says, where there is no file")] | None = None
    content: Annotated[str, Meta(description="the file, base64")] | None = None
    media_type: (
        Annotated[
            str,
            Meta(
                max_length=200,
                description="`text/plain`, `text/markdown`, `text/html` or `application/pdf`; absent: as its name says",
            ),
        ]
        | None
    ) = None


FORMS: Final[tuple[type[Form], ...]] = (DocumentForm,)
