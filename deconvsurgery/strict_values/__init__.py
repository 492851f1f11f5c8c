"""Values that a stranger may have written, read strictly: what JSON holds, what each may be.

Never here: what the values mean, or which file they are from.
"""
