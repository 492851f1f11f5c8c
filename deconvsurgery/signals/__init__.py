"""Signals that end a run from outside: raised as an exception, or held back for a while.

Never here: what is cleaned up, what is said, or which exit code comes of it.
"""
