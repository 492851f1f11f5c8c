"""Bilinear kernels, and what given weights are, as numbers.

Never here: nets or files.
"""
