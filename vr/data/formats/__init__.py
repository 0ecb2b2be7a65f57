"""What an image format is, and what formats share; `builtin` has those that come with the program."""
