"""A collection looked at before training: `vr data check` and contact sheets."""
