"""Results as the documents that ``--json`` prints, and their JSON Schemas.

Never here: text for people made here.
"""
