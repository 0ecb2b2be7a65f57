"""Damaged files, thrown at the commands: `python -m tests.fuzz`. See CONTRIBUTING.md."""
