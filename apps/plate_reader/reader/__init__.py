"""What runs in the enclave. Imports only itself, so that it works as ``reader`` there and below ``apps`` at home."""
