"""What ``checkwire test`` is made of."""
