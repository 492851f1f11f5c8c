"""What ``regroup`` would do to a net and its model together.

Never here: a file opened or written.
"""
