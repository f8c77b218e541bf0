"""Sandboxes: what keeps an attempt from reaching anything but the network."""
