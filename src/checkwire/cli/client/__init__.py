"""What the commands have in common that ask a server: where it is, the token, the questions."""
