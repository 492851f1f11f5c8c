"""What ``convert`` would do: the plan, its refusals, and the edits that carry it out.

Never here: a file opened or written.
"""
