"""How this program runs: what starts it again, what installs an extra for it.

Never here: what a command does, or when it is advised.
"""
