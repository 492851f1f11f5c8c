"""The shapes that each type of layer gives its tops and its blobs.

Never here: the order in which layers are visited.
"""
