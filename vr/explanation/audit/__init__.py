"""Which attributes work, before anything is trained: each one against the few-shot training images.

auroc, witnesses → judge (pure) ← assemble (images, backbone) → table, prune
"""
