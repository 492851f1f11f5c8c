"""What test files share: builders of nets and models, oracles, runners of the command, campaigns.

Nothing here judges the package by the package: an oracle shares no code with what it checks.
"""
