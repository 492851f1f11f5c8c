"""Byte ranges and the patch that undoes their replacement; any bytes.

Never here: what the bytes mean.
"""
