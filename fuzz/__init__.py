"""What takes bytes from outside, shown any bytes. See README.md."""
