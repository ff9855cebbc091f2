"""The application API under `/api`: what a console or a program asks of providers and models.

The rest of the gateway imports `wye.gateway.api.mount` only when it serves: the framework behind it takes longer to
import than everything else together.
"""
