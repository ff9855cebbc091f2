"""Conversations: turns with a model that are kept, with their branches, titles and what was sent along."""
