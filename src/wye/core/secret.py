"""A string that cannot be printed by accident."""

import hmac


class Secret:
    """Holds a key or token; `repr`, `str` and formatting show a mask, `reveal()` the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap `value`."""
        self._value = value

    def reveal(self) -> str:
        """Return the value; call it only where it goes into a header or a hash."""
        return self._value

    def masked(self) -> str:
        """Return enough to tell two keys apart: up to seven leading and four trailing characters of a long key."""
        if len(self._value) < 20:
            return "…"
        return f"{self._value[:7]}…{self._value[-4:]}"

    def __bool__(self) -> bool:
        """Tell whether there is a value."""
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        """Hash by value."""
        return hash(self._value)

    def __repr__(self) -> str:
        """Show the mask."""
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        """Show the mask, whatever the format."""
        return repr(self)

    def __reduce__(self) -> tuple[type["Secret"], tuple[str]]:
        """Allow pickling to worker processes."""
        return (Secret, (self._value,))
