"""Trains the networks for Latin plates, in the environment of ADOS, which has PyTorch; none of it is in the bundle."""
