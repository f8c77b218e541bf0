"""The engine for Python checks: a zygote that has imported them, and a forked child per attempt.

Nothing is imported here; ``launch.py`` must stay light.
"""
