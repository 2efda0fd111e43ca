"""ADOS outside the enclave: generator of readings with faults, training, evaluation. Its app is a shipped one."""
