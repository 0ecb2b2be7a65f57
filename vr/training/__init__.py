"""One experiment from beginning to end: loop, checkpoints, optimiser, sweeps."""
