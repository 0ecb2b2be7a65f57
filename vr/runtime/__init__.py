"""Where and how to compute: device, memory, processes, progress."""
