"""A small server around the store: what the API and the pages are tested against."""
