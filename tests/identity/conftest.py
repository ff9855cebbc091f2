"""Databases of each kind for the tests that need one."""

from tests.support.databases import *  # noqa: F403
