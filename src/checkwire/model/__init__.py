"""Plain data: what a check is, what happened when it ran, and why it failed.

This is the lowest floor of the house. It imports nothing of ours, does no input or output,
and everything above speaks in its types.
"""
