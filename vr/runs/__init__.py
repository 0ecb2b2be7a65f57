"""An experiment as asked for, and the run directory: configuration, history, predictions."""
