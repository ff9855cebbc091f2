"""What came of asking a provider for its models."""

from msgspec import Struct

from wye.core.errors import WyeError


class Refreshed(Struct, frozen=True, kw_only=True):
    """One provider's report; model names are full ids, `provider/model`.

    `models` counts what is listed, `seconds` how long that took. `new` names those that were not known, `missing` known
    ones that are not listed and not deprecated either. With an `error` nothing was learnt, and nothing was forgotten.
    """

    provider: str
    models: int = 0
    new: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    seconds: float = 0.0
    error: WyeError | None = None
