"""Shapes of every blob in one state of a net, and where its pixels lie.

Never here: weights.
"""
