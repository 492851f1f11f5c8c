"""What each verb can be asked for beyond its files and layers; one module a verb.

Names, choices, defaults and help are said here once, for the command line, the verb's function,
its plan and a sweep. Never here: what an option does, or who reads it.
"""
