"""Findings in the formats that CI services read.

Never here: a decision.
"""
