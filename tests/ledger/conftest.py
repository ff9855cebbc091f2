"""Databases for the tests of the books."""

from tests.support.databases import *  # noqa: F403
