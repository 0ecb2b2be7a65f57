"""What people do with a set: edit, compare, merge, cite, share, import and export."""
