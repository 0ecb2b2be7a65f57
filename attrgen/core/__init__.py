"""What both packages share: errors, atomic writes, JSON with line numbers, shipped files, tables."""
