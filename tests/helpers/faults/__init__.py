"""Faults, kills, races: campaigns over whole verbs, as scripts, and what they are made of."""
