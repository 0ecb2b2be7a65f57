"""Evaluation of a run: scores, metrics, calibration, prediction sets, abstention."""
