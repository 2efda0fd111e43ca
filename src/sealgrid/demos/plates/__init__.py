"""The main job as a story: a model is sold, used by a stranger, paid for, verified, and four thefts are tried."""
