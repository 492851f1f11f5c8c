"""What ``patch-net`` would do: changes of fields in a net's text, and why not.

Never here: weights changed, or a file opened or written.
"""
