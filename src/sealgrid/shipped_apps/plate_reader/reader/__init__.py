"""What runs in the enclave. Imports only itself, so that it works as ``reader`` there and below ``apps`` at home."""

import os

# Before numpy and onnxruntime load: one thread, and no word to their makers.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
