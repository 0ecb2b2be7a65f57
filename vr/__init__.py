"""Stage 2: attribute set and images in, trained programs, metrics and pictures out."""
