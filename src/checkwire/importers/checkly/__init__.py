"""Checkly CLI projects: evaluated with constructs of ours, and written as ``checkwire.toml``."""
