"""The engine of the uses, whose models answer what a test tells them to."""

from tests.assistant.uses.conftest import house

__all__ = ["house"]
