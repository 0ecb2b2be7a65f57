"""What both packages share: errors, whole-file writes, JSON with line numbers, shipped files, tables."""
