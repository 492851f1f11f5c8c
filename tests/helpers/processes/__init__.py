"""Processes that tests start: a warm server of runs, tasks for engines, signals as at a start."""
