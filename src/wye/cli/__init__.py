"""The command line."""

from wye.cli.main import main

__all__ = ["main"]
