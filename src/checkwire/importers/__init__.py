"""Reads what other products' users have, and writes it as a project of Checkwire's."""
