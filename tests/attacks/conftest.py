"""Databases."""

from tests.support.databases import *  # noqa: F403
from tests.support.talking import *  # noqa: F403
