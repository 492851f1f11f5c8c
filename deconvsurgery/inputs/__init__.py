"""What the user named, opened: nets, models, lists of pairs, settings.

Never here: anything written.
"""
