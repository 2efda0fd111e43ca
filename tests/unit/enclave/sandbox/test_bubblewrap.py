"""Confinement of a hostile app."""

import json
import os
import socket
import threading

import pytest

from sealgrid.enclave.sandbox.app_start import ENVIRONMENT
from tests.unit.enclave.app_scene import LIMITS


def test_an_app_sees_its_folders_and_nothing_else_of_the_host(scene, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    visible = json.loads(scene.says("import json, os; print(json.dumps(os.listdir('/')))"))
    assert {"app", "wheels", "iexec_in", "iexec_inputs", "iexec_out", "app_start.py"} <= set(visible)
    for path in (str(secret), "/etc/hostname", "/home", "/sys", "/run", "/proc/self", "/proc/1"):
        assert scene.says(f"import os; print(os.path.exists({path!r}))") == "False", path


def test_an_app_reads_its_own_limit_as_the_memory_of_the_machine(scene):
    source = "print(*(line.split()[1] for line in open('/proc/meminfo') if line.startswith('Mem')))"
    limit = str(LIMITS.memory // 1024)
    assert scene.says(source).split() == [limit, limit, limit]


def test_an_app_reads_nothing_about_the_load_of_the_machine(scene):
    source = """
import os
print(sorted(os.listdir('/proc')))
print({line.split(':')[1].strip() for line in open('/proc/cpuinfo') if line.startswith('cpu MHz')} <= {'0.000'})
"""
    assert scene.says(source).splitlines() == ["['cpuinfo', 'meminfo']", "True"]


def test_an_app_finds_no_network_not_even_the_hosts_loopback(scene):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert scene.says(_connect("127.0.0.1", port)) == "OSError"  # no such family
    assert scene.says(_connect("192.0.2.1", 80)) == "OSError"


def _connect(host: str, port: int) -> str:
    return f"""
import socket
try:
    socket.create_connection(({host!r}, {port}), timeout=2)
    print('reached')
except OSError as error:
    print(type(error).__name__)
"""


def test_an_app_has_a_home_and_a_user_name(scene):
    source = """
import getpass, grp, os, pathlib, pwd
cache = pathlib.Path.home() / ".cache" / "x"
cache.mkdir(parents=True)
(cache / "f").write_text("1")
entry = pwd.getpwuid(os.getuid())
print(getpass.getuser(), entry.pw_name, entry.pw_dir, pathlib.Path.home(), grp.getgrgid(os.getgid()).gr_name)
del os.environ["HOME"]
print(os.path.expanduser("~"))
"""
    assert scene.says(source).split() == ["app", "app", "/tmp/home", "/tmp/home", "app", "/tmp/home"]


def test_an_app_has_the_time_zones(scene):
    source = """
import datetime, os, time, zoneinfo
print(datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")).utcoffset(), time.tzname[0])
print(len(zoneinfo.available_timezones()) > 400)
os.environ["TZ"] = "Asia/Tokyo"
time.tzset()
print(time.tzname[0])
"""
    assert scene.says(source).split() == ["2:00:00", "UTC", "True", "JST"]


def test_an_app_and_its_processes_read_and_write_utf_8(scene):
    source = """
import locale, subprocess, sys
print(locale.setlocale(locale.LC_ALL, ""), locale.getpreferredencoding())
child = "print(open('/iexec_inputs/x').read())"
print(subprocess.run([sys.executable, "-S", "-c", child], capture_output=True, encoding="utf-8").stdout)
"""
    (scene.folders.inputs / "x").write_text("é日", encoding="utf-8")
    assert scene.says(source).split() == ["C.UTF-8", "utf-8", "é日"]


@pytest.mark.parametrize("family", [16, 17, 38, 40], ids=["netlink", "packet", "kernel-crypto", "vsock"])
def test_an_app_opens_no_socket_that_a_network_namespace_does_not_confine(scene, family):
    source = f"""
import errno, socket
try:
    socket.socket({family}, socket.SOCK_RAW)
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    assert scene.says(source) == "EAFNOSUPPORT"


def test_an_app_is_nobody_without_any_capability(scene):
    source = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
capabilities = [n for n in range(41) if libc.prctl(23, n, 0, 0, 0) != 0]
print(os.getuid(), os.getgid(), capabilities, libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0))
"""
    # the bounding set is empty, no_new_privs is on, a seccomp filter is installed
    bounding = scene.says(source)
    assert bounding.startswith("65534 65534")
    assert bounding.endswith("1 2")


@pytest.mark.parametrize(
    "call",
    [
        "libc.ptrace(16, os.getppid(), 0, 0)",
        "libc.unshare(0x10000000)",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
        "libc.setns(0, 0)",
        "libc.syscall(250, 0, 0, 0)",
        "libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)",
    ],
    ids=["ptrace", "unshare", "mount", "setns", "keyctl", "clone-into-a-user-namespace"],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of these calls are x86_64's")
def test_the_kernel_refuses_what_no_app_needs(scene, call):
    source = f"import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nprint({call}, ctypes.get_errno())"
    assert scene.says(source) == "-1 1"


def test_threads_and_processes_work_under_the_filter(scene):
    source = """
import os, subprocess, sys, threading
thread = threading.Thread(target=lambda: print('thread', flush=True)); thread.start(); thread.join()
sys.stdout.flush()
print(subprocess.run([sys.executable, '-I', '-S', '-c', 'print("child")'], capture_output=True, text=True).stdout)
"""
    assert scene.says(source).split() == ["thread", "child"]


@pytest.mark.parametrize(
    "path",
    ["/x", "/app/x", "/wheels/x", "/iexec_in/x", "/iexec_inputs/x", "/usr/x", "/dev/x", "/proc/x", "/etc/passwd"],
)
def test_an_app_writes_nowhere_but_to_its_output_and_scratch(scene, path):
    source = f"""
try:
    open({path!r}, 'w')
except OSError as error:
    print('refused')
"""
    assert scene.says(source) == "refused"
    assert scene.says("open('/tmp/x', 'w'); open('/dev/shm/x', 'w'); print('good')") == "good"


def test_scratch_space_is_capped(scene):
    source = """
import errno, os
try:
    for n in range(200):
        open(f'/tmp/{n}', 'wb').write(bytes(900_000))
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    assert scene.says(source) == "ENOSPC"


def test_arguments_and_secrets_stand_in_no_command_line_of_the_host(scene):
    stop, seen = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                for name in ("cmdline", "environ"):
                    try:
                        with open(f"/proc/{pid}/{name}", "rb") as file:
                            seen.append(file.read())
                    except OSError:
                        continue

    looking = threading.Thread(target=look)
    looking.start()
    source = "import os, sys, time; time.sleep(0.5); print(sys.argv, os.environ['IEXEC_REQUESTER_SECRET_1'])"
    output = scene.says(source, "window-argument", environment={"IEXEC_REQUESTER_SECRET_1": "window-secret"})
    stop.set()
    looking.join()
    assert "window-argument" in output
    assert "window-secret" in output
    everything = b"".join(seen)
    assert b"app_start.py" in everything  # the search does find what is there
    assert b"window-" not in everything


def test_an_app_gets_its_variables_its_arguments_and_no_others(scene):
    source = "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv, sys.stdin.read()]))"
    environment, arguments, standard_input = json.loads(
        scene.says(source, "last", environment={"IEXEC_IN": "/iexec_in"})
    )
    assert environment == {"IEXEC_IN": "/iexec_in", **ENVIRONMENT}
    assert arguments == ["/app/main.py", "first", "last"]
    assert standard_input == ""


def test_an_app_imports_its_own_files_before_wheels_before_the_standard_library(scene):
    for folder, name in ((scene.folders.app, "one"), (scene.folders.wheels, "one"), (scene.folders.wheels, "two")):
        (folder / f"{name}.py").write_text(f"place = {folder.name!r}")
    (scene.folders.wheels / "x.pth").write_text("import sys; sys.exit(9)")
    (scene.folders.wheels / "sitecustomize.py").write_text("import sys; sys.exit(9)")
    output = scene.says("import one, two, sys, colorsys; print(one.place, two.place, 'site' in sys.modules)")
    assert output == "app wheels False"


def test_app_files_are_imported_before_wheels_and_no_site_is_loaded(scene):
    (scene.folders.inputs / "picture").write_bytes(b"\x00\xff")
    assert scene.says("print(open('/iexec_inputs/picture', 'rb').read())") == r"b'\x00\xff'"
