"""TODO: what this package is, and what is never in it."""
