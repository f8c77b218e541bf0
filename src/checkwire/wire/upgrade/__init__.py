"""Phase ``upgrade``: the opening handshake (RFC 6455 section 4), and what its failures mean."""
