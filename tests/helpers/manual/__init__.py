"""The pages of the manual: their commands found, run, and compared with what the pages show."""
