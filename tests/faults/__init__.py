"""Faults at random moments: kills, full and read-only disks, closed outputs, few resources, bad servers.

python -m tests.faults --seed 1 --count 1000      # all kinds
python -m tests.faults --seed 1 --only 17         # the 17th fault of that seed again

Every fault is a command in a child of one process that has everything loaded. Afterwards there is no
traceback and no hang, and the same command run again gives the same files as without the fault.
"""
