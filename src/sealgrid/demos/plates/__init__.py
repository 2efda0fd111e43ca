"""Demo: a licence-plate model is sold, used, paid for and verified, and four thefts are attempted."""
