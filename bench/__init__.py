"""Benchmarks of Wye against a bare nginx and a peer gateway: `python -m bench`, `python -m bench memory`."""
