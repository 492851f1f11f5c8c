"""Bytes in and out, whole or not at all: local files and object stores behind one interface.

Never here: what the bytes mean.
"""
