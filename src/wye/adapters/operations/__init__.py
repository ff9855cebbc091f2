"""What wire formats do beside chat: one module for each that embeds, reranks, or takes images, audio and moderation.

A module is named as its wire format and has the functions of `Embedder`, `Reranker` and `Forwarder` that this one can
do; errors are read by the wire format's own `parse_error`.
"""
