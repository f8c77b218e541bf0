"""What the Linux kernel tells of a socket, beyond its bytes."""
