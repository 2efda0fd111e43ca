"""Adapter for iExec's SMS (secret management service): splits pushed secrets among the vaults."""
