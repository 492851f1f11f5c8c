"""What ``transplant`` would do: which old blobs a new net gets, and in what shape.

Never here: a file opened or written.
"""
