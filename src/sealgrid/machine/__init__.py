"""One machine as a worker of a network of others: its runtime, its certificate, its jobs."""
