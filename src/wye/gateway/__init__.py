"""The HTTP shell: a plain ASGI application over the engine."""
