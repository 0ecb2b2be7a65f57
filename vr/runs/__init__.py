"""What is asked of a run, and what it leaves behind: run directory, history, predictions."""
