"""One module per page (or part of one): from records of the store to what a template shows.

Pure functions: no database, no clock, no request.
"""
