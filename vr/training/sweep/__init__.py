"""A sweep: the cells of a grid, each run into its run directory, by the launcher that the user chooses."""

from vr.training.sweep.cell import ERROR, Cell, Outcome, inspect, inspect_all
from vr.training.sweep.launch import Launcher, sweep
from vr.training.sweep.local import Local

__all__ = ["ERROR", "Cell", "Launcher", "Local", "Outcome", "inspect", "inspect_all", "sweep"]
