"""Why a run decides as it does: the contribution of each text, and which parts of the image matter.

contributions of a method → decomposition → explanation (summary, occlusion) → table, page, picture
"""
