"""Results as tables and pictures for a terminal or a pipe.

Never here: a decision, or anything printed.
"""
