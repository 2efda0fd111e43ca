"""First code in an app's sandbox: read the start parameters, set resource limits, run the app in a child process.

Started as ``python -I -S -B app_start.py REPORT_FD`` with JSON parameters on standard input: no argument or
secret appears in a command line or environment that the kernel exposes. Standard library only.

The child writes one byte to REPORT_FD just before it runs the app. The parent then writes the exit code of a child that
ended by itself, and nothing for one that a signal ended: bubblewrap reports both as one number. An exit code without
the byte is that of a child that failed before it ran the app.
"""

import errno
import json
import os
import resource
import runpy
import signal
import sys

APP = "/app"
WHEELS = "/wheels"
OPEN_FILES = 1024
HOME = "/tmp/home"  # noqa: S108  below /tmp, whose size and memory are counted
USER = "app"  #: its entry is in passwd.txt
#: Variables of every app beside iExec's: what ordinary programs expect of a machine.
ENVIRONMENT = {"HOME": HOME, "USER": USER, "LOGNAME": USER, "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
LIBRARIES = "LD_LIBRARY_PATH"  #: set where the interpreter's libraries are not the system's: its children need them
NICE = 10  #: the supervisor must be scheduled before a fork bomb
NO_CORE = 1  #: byte; 0 would still let a dump be piped to a program (core(5))
STACK_BYTES = 8 << 20  #: of the first thread, and the C library's default for the others

#: an app that ends with one of these: the host may be the cause
_HOST_ERRORS = {
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.EAGAIN,
}


def main(report: int) -> None:
    """Run the app that standard input describes, and report how it ended; exit as a shell would."""
    child = os.fork()
    if child == 0:
        _run_app(report)
        return
    os.close(0)  # the parameters are for the child
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        os.write(report, str(code).encode())
    os._exit(code if code >= 0 else 128 - code)


def _run_app(report: int) -> None:
    with os.fdopen(0, "rb", closefd=False) as source:
        parameters = json.load(source)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for kind, value in resource_limits(parameters["limits"]).items():
        resource.setrlimit(kind, (value, value))  # fails above the hard limit, before the app starts
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    core = NO_CORE if hard == resource.RLIM_INFINITY else min(NO_CORE, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (core, core))
    os.nice(NICE)
    libraries = {name: value for name, value in os.environ.items() if name == LIBRARIES}
    os.environ.clear()
    os.environ.update(ENVIRONMENT | libraries | parameters["environment"])
    entry = f"{APP}/{parameters['entry']}"
    sys.path[:0] = list(dict.fromkeys((entry.rpartition("/")[0], APP, WHEELS)))
    sys.argv = [entry, *parameters["arguments"]]
    os.write(report, b"\n")
    os.close(report)
    try:
        runpy.run_path(entry, run_name="__main__")
    except MemoryError:
        _die_by_host_fault()
    except OSError as error:
        if error.errno in _HOST_ERRORS:
            _die_by_host_fault()
        raise


def resource_limits(limits: dict[str, int]) -> dict[int, int]:
    """Return resource -> limit of an app with these manifest limits; the same on every machine."""
    return {
        resource.RLIMIT_AS: limits["memory"],
        resource.RLIMIT_DATA: limits["memory"],
        resource.RLIMIT_STACK: STACK_BYTES,
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_FSIZE: limits["output_bytes"],
        resource.RLIMIT_NOFILE: OPEN_FILES,
        # Stops a fork bomb between two measurements of the supervisor, which counts exactly. Threads count here.
        resource.RLIMIT_NPROC: 64 + 16 * limits["processes"],
    }


def _die_by_host_fault() -> None:
    # Without platform protection, the end by a signal does not count as the app's failure.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]))
