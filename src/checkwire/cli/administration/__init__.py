"""What the commands have in common that work on a server's database, beside the server or not."""
