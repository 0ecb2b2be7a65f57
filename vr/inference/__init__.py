"""Predictions of unlabelled images."""
