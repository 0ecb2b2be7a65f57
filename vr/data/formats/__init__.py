"""The forms in which collections come, one file each."""
