"""Hostile files: what each is, and what each verb has to say of it; `make` writes the kept ones."""
