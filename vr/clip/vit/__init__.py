"""The fast exact path for ViTs: a tower read as numbers, and the encoder that uses its structure."""
