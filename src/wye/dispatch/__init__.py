"""Walks a plan over upstreams: which are built here, from data or from a user's own Python."""
