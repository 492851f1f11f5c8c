"""Run one function over many tasks, elsewhere: in processes here, or wherever Dask has workers.

Tasks are taken as workers are free, and answers are given as they come; both are values that can be
pickled. Never here: what a task is, or what becomes of an answer.
"""
