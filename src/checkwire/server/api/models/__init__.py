"""What the API answers with. Instants are ns since the Unix epoch, spans are ns."""
