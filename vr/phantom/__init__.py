"""Drawn CT-like phantoms: findings with known attributes, captions of them, the demo dataset and `mini`.

finding → shapes, textures → scene (training pictures) or kidney (the demo) → captions; train_mini reads both.
"""
