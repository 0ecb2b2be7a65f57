"""Which attributes tell their class apart on the few-shot training images, before anything is trained.

auroc, class_evidence → assessment, near_duplicates (pure) → run_audit (images, backbone) → table, prune
"""
