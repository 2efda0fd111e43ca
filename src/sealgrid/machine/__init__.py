"""One machine in a network of others: as a worker with certificate, runtime and jobs, and with a pool of its own."""
