"""Code that runs in the enclave. Imports are relative: it is ``reader`` there and below ``shipped_apps`` here."""

import os

# Before numpy and onnxruntime load: one thread, no telemetry.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
