"""What there is to see in weights, as values: title, series or array, scale, note.

Never here: drawing.
"""
