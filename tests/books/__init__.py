"""Drills that try to lose or double a request in the books: `python -m tests.books`, or shortened under pytest."""
