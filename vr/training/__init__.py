"""Training of one experiment from beginning to end: loop, checkpoints, optimiser; sweeps of many."""
