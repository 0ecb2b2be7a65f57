"""Inspection of a collection before training: `vr data check` and contact sheets."""
