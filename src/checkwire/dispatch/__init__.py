"""How due runs reach those who execute them, and how results come back."""
