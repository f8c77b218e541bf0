"""Hours and days, computed from runs: history that stays fast to read, and is kept for long."""
