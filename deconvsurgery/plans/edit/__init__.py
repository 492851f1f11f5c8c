"""What ``edit`` would do to a model: its layers and blobs as they are to be.

Never here: a file opened or written.
"""
