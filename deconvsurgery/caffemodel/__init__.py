"""A weights file, binary: what it is, where its layers, blobs and values lie, how they change.

Never here: an opinion on what the weights are good for.
"""
