"""What a training step costs: time, memory, operations."""
