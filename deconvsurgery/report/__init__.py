"""Results as text, page, JSON or SARIF; one module a verb in each package.

Never here: a decision, or anything printed.
"""
