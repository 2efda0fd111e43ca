"""Configures onnxruntime: no telemetry, no output on stderr, one thread, a fixed seed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"


@contextmanager
def _without_stderr() -> Iterator[None]:
    # While it loads, the C++ library writes to file descriptor 2 about parts of the machine that a sandbox hides.
    saved = os.dup(2)
    with Path(os.devnull).open("wb") as null:
        os.dup2(null.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


with _without_stderr():
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as _state

_FATAL = 4
_SEED = 0  #: of a model's random operators

#: onnxruntime's errors have no common base class
ERRORS: tuple[type[Exception], ...] = tuple(
    kind for kind in vars(_state).values() if isinstance(kind, type) and issubclass(kind, Exception)
)

onnxruntime.set_default_logger_severity(_FATAL)
onnxruntime.disable_telemetry_events()
onnxruntime.set_seed(_SEED)


def open_session(model: Path) -> onnxruntime.InferenceSession:
    """Open a model file; raises one of ``ERRORS`` for an invalid one."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = _FATAL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
