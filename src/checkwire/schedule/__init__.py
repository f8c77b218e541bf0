"""What is due, when, and where. Pure: time is an argument."""
