"""Attribute files of other programs, read and written without loss.

`list_file` and `table` are the two formats of such files. `as_published` keeps what an attribute set cannot
hold (a repeated or blank text, a line break, another spelling), so that an imported file can be written back
as it was.
"""
