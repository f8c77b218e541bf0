"""Checkwire."""
