"""Many pairs: run one, keep its record, write the results file.

Never here: what a verb does.
"""
