"""What is wrong with a provider's key, as far as its looks tell: told before the first call, without repeating it."""

from collections.abc import Iterable

from wye.catalog.schema import Provider

_QUOTES = "\"'`“”‘’"


def problem_with(key: str, provider: Provider, others: Iterable[Provider] = (), *, own_host: bool = True) -> str | None:
    """Say what is wrong with `key`, or `None`.

    The provider's documented prefixes count only on its `own_host`: what stands behind another base URL may take any
    key. One of `others` is named where the key looks like its.
    """
    if key[:1] in _QUOTES or key[-1:] in _QUOTES:
        return "is wrapped in quotes: leave them out"
    if key.lower().startswith("bearer "):
        return "begins with the word 'Bearer': leave it out"
    if any(character.isspace() for character in key):
        return "holds a space or a line break"
    if not (key.isascii() and key.isprintable()):
        return "holds a character that no key has"
    if not own_host or not provider.key_prefix:
        return None
    ours = max((len(prefix) for prefix in provider.key_prefix if key.startswith(prefix)), default=0)
    owners = [
        other.name
        for other in others
        if other.id != provider.id and any(len(prefix) > ours and key.startswith(prefix) for prefix in other.key_prefix)
    ]
    if ours and not owners:
        return None
    expected = " or ".join(repr(prefix) for prefix in provider.key_prefix)
    looks = f"; it looks like one of {owners[0]}" if len(owners) == 1 else ""
    return f"is no key of {provider.name}, which begins with {expected}{looks}"
