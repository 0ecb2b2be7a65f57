"""Attribute files of other programs, read and written without loss of what they can hold.

`list_file` and `table` are the two forms that files have. `as_published` keeps what an attribute set cannot
hold (a repeated or blank text, a line break, another spelling), so that an imported file can be written back
as it was.
"""
