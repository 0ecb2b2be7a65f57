"""The two contracts that people write by hand: the dataset card and the attribute set."""
