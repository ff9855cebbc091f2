"""Batches: files of many requests that the gateway works through by itself, and what was answered as files."""
