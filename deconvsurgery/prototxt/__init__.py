"""A net's text: tokens, layers, edits, the upgrade from V0 and V1, selection by name.

Never here: weights.
"""
