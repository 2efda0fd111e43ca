"""Runs an app under chosen conditions: clock, hash seed, processors, temporary folder. Standard library only.

Written beside an app's files and started by ``app_start.py`` in the sandbox:
``start.py CONDITIONS ENTRY ARGUMENT…``, where CONDITIONS is the JSON form of ``determinism.RunConditions``.
"""

import ctypes
import datetime as dt
import gc
import json
import os
import runpy
import sys
import time
from pathlib import Path

APP, WHEELS = "/app", "/wheels"
_SEED = "PYTHONHASHSEED"


def main() -> None:
    """Start the interpreter again with the hash seed, then set the other conditions and run the app."""
    conditions, entry = json.loads(sys.argv[1]), sys.argv[2]
    seed = str(conditions["hash_seed"])
    if os.environ.get(_SEED) != seed:
        prefix = ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
        command = [sys.executable, "-s", "-S", "-B", "-P", "-X", "utf8", *prefix, *sys.argv]
        os.execve(sys.executable, command, {**os.environ, _SEED: seed})  # noqa: S606  our own interpreter
    shift_clock(conditions["clock_shift"])
    limit_processors(conditions["processors"])
    Path(conditions["temporary_folder"]).mkdir(exist_ok=True)
    os.environ["TMPDIR"] = conditions["temporary_folder"]
    path = f"{APP}/{entry}"
    sys.path[:0] = list(dict.fromkeys((path.rpartition("/")[0], APP, WHEELS)))
    sys.argv = [path, *sys.argv[3:]]
    runpy.run_path(path, run_name="__main__")


def shift_clock(seconds: int) -> None:
    """Let Python's wall clock be off by some seconds; monotonic clocks and the C library's clock stay."""
    now, now_ns, clock, clock_ns = time.time, time.time_ns, time.clock_gettime, time.clock_gettime_ns
    gmtime, localtime, ctime, strftime = time.gmtime, time.localtime, time.ctime, time.strftime

    def offset(kind: int) -> int:
        return seconds if kind == time.CLOCK_REALTIME else 0

    def shifted_strftime(form: str, at: "time.struct_time | None" = None) -> str:
        return strftime(form, localtime(now() + seconds) if at is None else at)

    replacements = {
        "time": lambda: now() + seconds,
        "time_ns": lambda: now_ns() + seconds * 10**9,
        "clock_gettime": lambda kind: clock(kind) + offset(kind),
        "clock_gettime_ns": lambda kind: clock_ns(kind) + offset(kind) * 10**9,
        "gmtime": lambda at=None: gmtime(now() + seconds if at is None else at),
        "localtime": lambda at=None: localtime(now() + seconds if at is None else at),
        "ctime": lambda at=None: ctime(now() + seconds if at is None else at),
        "strftime": shifted_strftime,
    }
    for name, function in replacements.items():
        setattr(time, name, function)
    # datetime.now reads the C clock. date.today and datetime.today call time.time, which is replaced.
    kind = dt.datetime
    (methods,) = gc.get_referents(vars(kind))
    methods["now"] = classmethod(lambda cls, tz=None: cls.fromtimestamp(time.time(), tz))
    methods["utcnow"] = classmethod(
        lambda cls: cls.fromtimestamp(time.time(), dt.timezone.utc).replace(tzinfo=None)  # noqa: UP017
    )
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))  # drops the interpreter's cache of the methods


def limit_processors(count: int) -> None:
    """Let the process run on at most ``count`` processors of this machine, and report that number."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    for name in ("cpu_count", "process_cpu_count"):
        if hasattr(os, name):
            setattr(os, name, lambda: count)


if __name__ == "__main__":
    main()
