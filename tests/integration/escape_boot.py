"""A runtime with planted secrets that runs hostile apps; protocol: one JSON line per app."""

import json
import os
import socket
import sys
from pathlib import Path

relay_fd, quote_fd, *packages = sys.argv[1:]
sys.path[:0] = packages
relay, quoting = socket.socket(fileno=int(relay_fd)), socket.socket(fileno=int(quote_fd))

from sealgrid.bundle.manifest import AppLimits  # noqa: E402
from sealgrid.enclave import boot  # noqa: E402
from sealgrid.enclave.job.iexec_env import read_computed  # noqa: E402
from sealgrid.enclave.job.outputs import collect  # noqa: E402
from sealgrid.enclave.sandbox import sandbox  # noqa: E402
from sealgrid.errors import AppFailed  # noqa: E402

boot.disable_core_dumps()
quoting.close()  # as the runtime does before an app starts

#: the planted secret that apps search for: in memory, in a file of the runtime, in an open file
MARK = b"SEALGRID-" + b"KEY-" + os.urandom(8).hex().encode()
PLAIN = Path("/job/plain")
PLAIN.mkdir()
(PLAIN / "dek").write_bytes(MARK)
OPEN = os.memfd_create("key")
os.write(OPEN, MARK)


def run(source: str, arguments: list[str], limits: dict[str, int]) -> object:
    root = Path("/job") / os.urandom(4).hex()
    folders = {name: root / name for name in ("app", "wheels", "datasets", "inputs", "outputs")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    (folders["app"] / "main.py").write_text(source)
    (folders["datasets"] / "model").write_bytes(b"the model")
    app = sandbox.AppRun(
        sandbox.SandboxFolders(**folders),
        ("main.py",),
        tuple(arguments),
        limits=AppLimits(**limits),
        outputs_alone=True,
    )
    ended = sandbox.run(app)
    if isinstance(ended, sandbox.HostInducible):
        return {"kind": "host", "reason": ended.reason, "fields": sorted(vars(ended))}
    if ended.code:
        return {"kind": "failed", "code": ended.code, "log": ended.log.decode(errors="replace")}
    try:
        files = collect(folders["outputs"], app.limits.output_bytes)
        read_computed(files)
    except AppFailed as error:
        return {"kind": "refused", "reason": error.message}
    return {"kind": "ok", "log": ended.log.decode(errors="replace"), "files": sorted(files)}


with relay.makefile("rwb") as lines:
    for line in lines:
        try:
            answer = {"ok": run(*json.loads(line))}
        except Exception as error:  # noqa: BLE001
            answer = {"error": f"{type(error).__name__}: {error}"}
        lines.write(json.dumps(answer).encode() + b"\n")
        lines.flush()
