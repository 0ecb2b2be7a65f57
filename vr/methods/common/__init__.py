"""What methods share: the interface, programs, prompts, label banks, parts of a score."""
