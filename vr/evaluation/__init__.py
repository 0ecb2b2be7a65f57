"""What scores are worth: metrics, calibration, prediction sets, abstention."""
