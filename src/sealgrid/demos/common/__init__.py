"""Parts that the demos share: steps, report parts, attempted thefts, search for leaks."""
