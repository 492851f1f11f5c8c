"""Two models side by side: which layers belong together, and how their values differ.

Never here: a file opened or written.
"""
