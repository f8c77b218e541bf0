"""Executing checks: one isolated process per attempt, its events folded into a result.

Nothing is imported here, so that what starts the first process (``python/launch.py``) stays light.
"""
