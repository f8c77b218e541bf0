"""Failure codes at length, found by what somebody writes, and set for a terminal."""
