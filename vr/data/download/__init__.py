"""Benchmarks from their sources: download, verify, unpack."""
