"""Does it matter what the sentences say? Sets of control texts, and what they are worth.

texts (pure: a set in, a set out) → measurement (pure: predictions in, differences and a sentence out)
"""
