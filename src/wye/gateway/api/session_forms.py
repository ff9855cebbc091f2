"""The bodies that sign-in reads."""

from typing import Annotated, Final

from msgspec import Meta

from wye.gateway.api.forms import Form


class SessionForm(Form, frozen=True, kw_only=True):
    """The key of whoever signs in: the admin key, or a virtual key. It is kept nowhere."""

    key: Annotated[str, Meta(min_length=1, max_length=512)]


FORMS: Final[tuple[type[Form], ...]] = (SessionForm,)
