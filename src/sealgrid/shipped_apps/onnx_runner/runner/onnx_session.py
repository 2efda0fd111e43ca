"""Configures onnxruntime: no telemetry, no output on stderr, one thread, a fixed seed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"


@contextmanager
def _silence() -> Iterator[None]:
    # The C++ library writes past sys.stderr while it loads, about parts of the machine that a sandbox hides.
    shown = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(shown, 2)
        os.close(shown)


with _silence():
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as _state

_FATAL = 4
_SEED = 0  #: of random operators that a model may hold

#: onnxruntime's errors have no common root of their own
ERRORS: tuple[type[Exception], ...] = tuple(
    kind for kind in vars(_state).values() if isinstance(kind, type) and issubclass(kind, Exception)
)

onnxruntime.set_default_logger_severity(_FATAL)
onnxruntime.disable_telemetry_events()
onnxruntime.set_seed(_SEED)


def open_session(model: Path) -> onnxruntime.InferenceSession:
    """Open a model file; raises one of ``ERRORS`` for anything that is none."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = _FATAL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
