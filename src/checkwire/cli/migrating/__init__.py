"""What ``checkwire import`` does, and how it reports."""
