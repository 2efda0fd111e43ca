"""A tiny runtime: answers requests of a test over the relay, one JSON line each."""

import json
import os
import socket
import sys
from pathlib import Path

relay_fd, quote_fd, *packages = sys.argv[1:]
sys.path[:0] = packages
relay, quoting = socket.socket(fileno=int(relay_fd)), socket.socket(fileno=int(quote_fd))


def exactly(size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = quoting.recv(size - len(parts))
        if not part:
            return b""
        parts += part
    return parts


def frame() -> bytes:
    return exactly(int.from_bytes(exactly(4), "big"))


def ask_quote(report_data: str) -> object:
    data = bytes.fromhex(report_data)
    try:
        quoting.sendall(len(data).to_bytes(4, "big") + data)
        answer = frame()
    except OSError:
        answer = b""
    return json.loads(answer) if answer else None


def reach(address: str, port: int) -> str:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError as error:
        return type(error).__name__
    return "reached"


def run_app(source: str, wheels: dict[str, str] | None = None) -> object:
    from sealgrid.bundle.manifest import AppLimits
    from sealgrid.enclave.sandbox import sandbox

    folders = {name: Path("/job") / name for name in ("app", "wheels", "datasets", "inputs", "outputs")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    (folders["app"] / "main.py").write_text(source)
    for path, content in (wheels or {}).items():
        (folders["wheels"] / path).parent.mkdir(exist_ok=True)
        (folders["wheels"] / path).write_text(content)
    run = sandbox.AppRun(
        sandbox.SandboxFolders(**folders), ("main.py",), limits=AppLimits(memory=2 << 30, wall_seconds=90)
    )
    ended = sandbox.run(run)
    return {
        "kind": type(ended).__name__,
        "log": getattr(ended, "log", b"").decode(),
        "reason": getattr(ended, "reason", ""),
    }


ASKED = {
    "launch": lambda: json.loads(frame()),
    "quote": ask_quote,
    "list": lambda path: sorted(os.listdir(path)),
    "exists": os.path.exists,
    "environment": lambda: dict(os.environ),
    "write": lambda path: Path(path).write_text("x"),
    "reach": reach,
    "app": run_app,
    "exit": lambda code: os._exit(code),
    "import": lambda name: str(getattr(__import__(name, fromlist=["x"]), "__file__", "")),
}

with relay.makefile("rwb") as lines:
    for line in lines:
        name, *arguments = json.loads(line)
        try:
            answer = {"ok": ASKED[name](*arguments)}
        except Exception as error:  # noqa: BLE001
            answer = {"error": f"{type(error).__name__}: {error}"}
        lines.write(json.dumps(answer).encode() + b"\n")
        lines.flush()
