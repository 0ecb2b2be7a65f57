"""Why a run decides as it does: scores split into what each text gave, and where on the image it looked.

parts of a method → split → explanation (with occlusion) → table, page, picture
"""
