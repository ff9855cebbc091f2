"""Who may see what of the books: an admin everything, a manager the team's rows, anybody else their own."""

from wye.core.caller import Caller
from wye.core.errors import PermissionDeniedError
from wye.store.reports import Reach


def reach_of(caller: Caller) -> Reach:
    """Return whose rows a caller may see. Raises `PermissionDeniedError` for one who may read nothing."""
    if caller.may("admin"):
        return Reach()
    if not caller.may("read") and not caller.may("manage"):
        raise PermissionDeniedError("this key may not read usage; it needs the scope 'read'")
    return Reach(user=caller.user, team=caller.team if caller.may("manage") else None)
