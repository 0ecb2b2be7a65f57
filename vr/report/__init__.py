"""Reports: one run as a page or a model card, and several runs as a page, tables and curves.

run directory and images → report_data → sections (charts, thumbnails, captions) → page
"""
