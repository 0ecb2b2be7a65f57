"""Several runs together: results, statistics, tables, curves, and their page."""
