"""The verbs as functions: paths or open objects in, frozen values out; one small file a verb.

Each is a handful of calls on the packages below: read, match, plan, write. The command line shows
what they return. Never here: options, exit codes, a printed word.
"""
