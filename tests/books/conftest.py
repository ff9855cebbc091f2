"""Databases for the drills."""

from tests.support.databases import *  # noqa: F403
