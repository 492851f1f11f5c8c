"""What may be wrong with a layer, a net or a pair, and what repairs it.

Never here: files opened or written.
"""
