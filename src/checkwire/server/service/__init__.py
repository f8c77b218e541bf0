"""What runs around the clock: projects are loaded, runs planned, executed, stored, decided on."""
