"""What runs in the enclave. Imports only itself, so that it works as ``columns`` there and below ``apps`` at home."""
