"""Runs that really took place, and a server filled with them: what the pages are tested with."""
