"""Predictions of unlabelled images: decisions, tables, and a journal that a kill cannot harm."""
