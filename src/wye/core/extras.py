"""Says how to add what Wye does without until somebody wants it."""


def adding(extra: str) -> str:
    """Return the words for installing one of the extras in `pyproject.toml`; Wye is on no package index."""
    return f"in Wye's checkout, uv sync --all-extras, or pip install '.[{extra}]'"
