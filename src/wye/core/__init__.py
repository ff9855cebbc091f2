"""The values every other layer shares. Imports nothing of ours and does no I/O."""
