"""Configures onnxruntime: no telemetry, no output on stderr, one thread."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without_stderr() -> Iterator[None]:
    # While it loads, the C++ library writes to file descriptor 2 about a sandbox without /sys.
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


with _without_stderr():
    import onnxruntime

_ERRORS_ONLY = 4  #: onnxruntime's "fatal"; its exceptions report the rest

onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
onnxruntime.disable_telemetry_events()


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """Open a model; raises onnxruntime's own errors for an invalid one."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
