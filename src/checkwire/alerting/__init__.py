"""When a check is down, and who is told."""
