"""Checks without code: ``[[check]]`` tables in TOML, turned into the script that they stand for."""
