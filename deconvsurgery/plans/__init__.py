"""What each verb would do, worked out before anything is written; one package a verb.

Never here: a file opened or written.
"""
