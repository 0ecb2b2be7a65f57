"""Talking to an OpenAI-compatible server: every request asks for a list of strings."""
