"""Attacks on a local network with real but dishonest parts. A numbered check must stop each."""
