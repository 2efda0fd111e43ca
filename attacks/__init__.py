"""Attacks on a real local network whose parts are told to lie; each must be stopped by a numbered check."""
