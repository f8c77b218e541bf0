"""TLS over a pipe, and what there is to say of the peer's certificates."""
