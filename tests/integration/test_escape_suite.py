"""Hostile apps in a launched enclave with keys: each ends harmlessly or as a typed failure, and the next app runs.

The limits under test stop the bombs; the enclave's control groups, where the machine has them, and each app's wall
clock are the safety net.
"""

import asyncio
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from sealgrid.platform.cgroups import Cgroups
from sealgrid.platform.simulated import PlatformConfig, SimulatedPlatform
from tests.unit.platform.enclave_scene import Enclave

LIMITS = {
    "memory": 256 << 20,
    "cpu_seconds": 30,
    "wall_seconds": 20,
    "processes": 8,
    "output_bytes": 1 << 20,
}
GOOD = """
import json, os
open('/iexec_out/result', 'w').write(open('/iexec_in/model').read())
json.dump({'deterministic-output-path': '/iexec_out/result'}, open('/iexec_out/computed.json', 'w'))
"""
HOST, FAILED, REFUSED, OK = "host", "failed", "refused", "ok"


@pytest.fixture(scope="module")
async def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("escape")
    boot = Path(__file__).with_name("escape_boot.py")
    config = PlatformConfig(folder=folder, boot=boot, memory_bytes=1 << 30, tasks=256)
    platform = SimulatedPlatform(config, lambda: int(time.time()))
    yield platform
    await platform.close()


@pytest.fixture(scope="module")
async def enclave(platform):
    enclave = await Enclave(platform).launch()
    yield enclave
    await enclave.close()


@pytest.fixture
async def hostile(enclave):
    """Run a hostile app, then an honest one in the same enclave."""

    async def run(source, *arguments, **limits):
        ended = await enclave.ask(source, list(arguments), LIMITS | limits)
        after = await enclave.ask(GOOD, [], LIMITS)
        assert after == {"kind": OK, "log": "", "files": ["computed.json", "result"]}
        return ended

    return run


@pytest.mark.skipif(
    "pids" not in Cgroups().active and os.geteuid() == 0, reason="nothing else would stop the bomb at root's"
)
async def test_a_fork_bomb_is_stopped_and_leaves_no_process(hostile):
    before = len(list(Path("/proc").glob("[0-9]*")))
    source = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    assert (await hostile(source, wall_seconds=5))["kind"] == HOST
    assert len(list(Path("/proc").glob("[0-9]*"))) < before + 200  # other programs run on this machine too


DELETED_FILES = """
import os, time
for number in range(200):
    fd = os.open('/iexec_out/x', os.O_CREAT | os.O_RDWR)
    os.unlink('/iexec_out/x')
    os.write(fd, bytes(1 << 19))
time.sleep(15)
"""


@pytest.mark.parametrize(
    "source",
    [
        "held = []\nwhile True: held.append(bytearray(8 << 20))",
        "import mmap\nheld = []\nwhile True: held.append(mmap.mmap(-1, 32 << 20, mmap.MAP_PRIVATE)); held[-1].write(bytes(32 << 20))",
        "import os, time\nfor n in range(4): os.fork()\nheld = bytearray(b'x') * (60 << 20)\ntime.sleep(15)",
        "import os\nfd = os.open('/iexec_out/x', os.O_CREAT | os.O_RDWR)\nos.unlink('/iexec_out/x')\nwhile True: os.write(fd, bytes(1 << 20))",
        DELETED_FILES,
    ],
    ids=["one process", "mappings", "many processes together", "a deleted file", "many deleted files"],
)
async def test_a_memory_bomb_is_stopped(hostile, source):
    assert (await hostile(source))["kind"] == HOST


@pytest.mark.parametrize("folder", ["/iexec_out", "/tmp", "/dev/shm"])
async def test_filling_a_disk_ends_the_app_and_not_the_machine(hostile, folder):
    source = f"import itertools\nfor n in itertools.count(): open(f'{folder}/{{n}}', 'wb').write(bytes(1 << 19))"
    assert (await hostile(source))["kind"] == HOST


async def test_a_million_empty_files_are_too_much_output(hostile):
    source = "import itertools\nfor n in itertools.count(): open(f'/iexec_out/{n}', 'w')"
    assert (await hostile(source))["kind"] == HOST


async def test_an_endless_log_is_cut_and_no_byte_of_it_leaves(hostile):
    ended = await hostile("while True: print('the model ' * 1000)", wall_seconds=2)
    assert ended["kind"] == HOST
    assert ended["fields"] == ["reason"], "a run that the machine could have ended has no log"
    assert "model" not in ended["reason"]


@pytest.mark.parametrize(
    "ending",
    ["os.kill(os.getpid(), 9)", "bytearray(1 << 40)", "time.sleep(60)"],
    ids=["signal", "memory", "time"],
)
async def test_a_run_that_the_machine_could_have_ended_leaves_no_byte_of_its_log(hostile, ending):
    ended = await hostile(f"import os, time\nprint('the model', flush=True)\n{ending}", wall_seconds=3)
    assert ended["kind"] == HOST
    assert "the model" not in json.dumps(ended)


async def test_an_exit_code_above_128_is_the_apps_own_failure(hostile):
    ended = await hostile("import os\nprint('my log', flush=True)\nos._exit(200)", wall_seconds=3)
    assert (ended["kind"], ended["code"], ended["log"]) == (FAILED, 200, "my log\n")


CALL_ALL = """
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
for name, (_, *call) in eval(sys.argv[1]).items():
    result = libc.syscall(*call)
    print(name, errno.errorcode[ctypes.get_errno()] if result == -1 else 'went through')
raise SystemExit(1)
"""
CALLS = {
    "ptrace": ("EPERM", 101, 16, 1, 0, 0),
    "process_vm_readv": ("EPERM", 310, 1, 0, 0, 0, 0, 0),
    "keyctl": ("EPERM", 250, 0, 0, 0),
    "add_key": ("EPERM", 248, 0, 0, 0, 0, 0),
    "request_key": ("EPERM", 249, 0, 0, 0),
    "bpf": ("EPERM", 321, 0, 0, 0),
    "userfaultfd": ("EPERM", 323, 0),
    "io_uring_setup": ("EPERM", 425, 1, 0),
    "io_uring_enter": ("EPERM", 426, 0, 0, 0, 0, 0),
    "io_uring_register": ("EPERM", 427, 0, 0, 0, 0),
    "perf_event_open": ("EPERM", 298, 0, 0, -1, -1, 0),
    "kexec_load": ("EPERM", 246, 0, 0, 0, 0),
    "kexec_file_load": ("EPERM", 320, 0, 0, 0, 0, 0),
    "unshare": ("EPERM", 272, 0x10000000),
    "clone": ("EPERM", 56, 0x10000011, 0, 0, 0, 0),
    "clone3": ("ENOSYS", 435, 0, 0),
    "setns": ("EPERM", 308, 0, 0),
    "mount": ("EPERM", 165, 0, 0, 0, 0, 0),
    "umount2": ("EPERM", 166, 0, 0),
    "pivot_root": ("EPERM", 155, 0, 0),
    "fsopen": ("EPERM", 430, 0, 0),
    "open_tree": ("EPERM", 428, -1, 0, 0),
    "move_mount": ("EPERM", 429, 0, 0, 0, 0, 0),
    "mount_setattr": ("EPERM", 442, 0, 0, 0, 0, 0),
    "open_by_handle_at": ("EPERM", 304, 0, 0, 0),
    "memfd_create": ("EPERM", 319, 0, 0),
    "memfd_secret": ("EPERM", 447, 0),
    "shmget": ("EPERM", 29, 0, 4096, 0o1600),
    "shmat": ("EPERM", 30, 0, 0, 0),
    "semget": ("EPERM", 64, 0, 1, 0o1600),
    "msgget": ("EPERM", 68, 0, 0o1600),
    "mq_open": ("EPERM", 240, 0, 0, 0, 0),
    "vmsplice": ("EPERM", 278, 0, 0, 0, 0),
    "shared_map": ("EPERM", 9, 0, 4096, 3, 0x21, -1, 0),
    "pidfd_getfd": ("EPERM", 438, 0, 0, 0),
    "init_module": ("EPERM", 175, 0, 0, 0),
}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of these calls are x86_64's")
async def test_the_kernel_refuses_every_call_that_leads_out(enclave):
    ended = await enclave.ask(CALL_ALL, [repr(CALLS)], LIMITS)
    results = dict(line.split(" ", 1) for line in ended["log"].splitlines())
    assert results == {name: expected for name, (expected, *_) in CALLS.items()}


async def test_a_walk_through_proc_and_sys_finds_the_processor_and_nothing_else(hostile):
    source = """
import os
print(sorted(os.listdir('/proc')), os.path.exists('/sys'))
for path in ('/proc/self', '/proc/1/environ', '/proc/1/mem', '/proc/kcore', '/proc/sys', '/proc/keys', '/proc/mounts'):
    assert not os.path.exists(path), path
"""
    ended = await hostile(source + "raise SystemExit(1)")
    assert ended["log"] == "['cpuinfo', 'meminfo'] False\n"


async def test_no_socket_leads_anywhere(hostile):
    source = """
import socket
def tried(make):
    try:
        make()
        return 'reached'
    except OSError:
        return 'refused'
print([tried(lambda place=place: socket.create_connection(place, 1)) for place in (('1.1.1.1', 53), ('127.0.0.1', 8545))])
print([tried(lambda kind=kind: socket.socket(*kind)) for kind in ((16, 3), (17, 3), (38, 5), (40, 1), (2, 3))])
unix = socket.socket(socket.AF_UNIX)
print([tried(lambda name=name: unix.connect(name)) for name in ('/relay', '\\0relay', '/run/docker.sock', '/var/run/dbus')])
raise SystemExit(1)
"""
    assert set((await hostile(source))["log"].replace("[", "").replace("]", "").replace(",", "").split()) == {
        "'refused'"
    }


FILES = "import os\nout = '/iexec_out'\ndef computed(path): open(out + '/computed.json', 'w').write('{\"deterministic-output-path\": \"' + path + '\"}')\n"


@pytest.mark.parametrize(
    "source",
    [
        "os.symlink('/iexec_in/model', out + '/x'); computed(out + '/x')",
        "os.symlink('/job', out + '/x'); computed(out + '/x/plain/dek')",
        "os.symlink('/runtime/boot.py', out + '/computed.json')",
        "os.mkfifo(out + '/x'); computed(out + '/x')",
        "import socket; socket.socket(socket.AF_UNIX).bind(out + '/x')",
        "open(out + '/a', 'w'); os.link(out + '/a', out + '/b'); computed(out + '/b')",
        "open(out + '/..\\\\x', 'w'); computed(out)",
        "open(out + '/C:x', 'w'); computed(out)",
        "open(os.fsencode(out) + b'/\\xff\\xfe', 'w'); computed(out)",
        "open(out + '/a\\nb', 'w'); computed(out)",
        "os.makedirs(out + '/a' * 40); computed(out)",
        "computed('/iexec_in/model')",
        "computed('/job/plain/dek')",
        "computed(out + '/../iexec_in/model')",
        "computed('/proc/self/mem')",
        "open(out + '/computed.json', 'w').write('[' * 100000)",
    ],
    ids=[
        "link to the model",
        "link to the runtime's folder",
        "computed.json is a link",
        "pipe",
        "socket",
        "second name",
        "backslash",
        "drive",
        "bytes",
        "line break",
        "deep",
        "names the model",
        "names a key",
        "climbs",
        "names memory",
        "nests",
    ],
)
async def test_nothing_but_plain_files_of_its_own_leaves_as_output(hostile, source):
    ended = await hostile(FILES + source)
    assert ended["kind"] == REFUSED, ended
    assert "SEALGRID" not in ended["reason"]


async def test_nobody_becomes_root(hostile):
    source = """
import ctypes, os, stat
libc = ctypes.CDLL(None, use_errno=True)
for call in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.chown('/tmp', 0, 0)):
    try:
        call()
        print('went through')
    except OSError:
        pass
bits = [os.path.join(top, name) for top, _, names in os.walk('/') for name in names
        if os.path.lexists(os.path.join(top, name)) and os.lstat(os.path.join(top, name)).st_mode & 0o6000]
print(bits, libc.prctl(39, 0, 0, 0, 0), os.getresuid())
os.chmod(os.open('/iexec_out/x', os.O_CREAT | os.O_WRONLY, 0o755), 0o4755)
raise SystemExit(1)
"""
    log = (await hostile(source))["log"]
    assert log == "[] 1 (65534, 65534, 65534)\n"  # no file lends its owner's rights, and none could


async def test_there_is_nothing_to_quote_with(hostile):
    source = """
import os
for path in ('/dev/attestation', '/dev/tdx_guest', '/dev/sev-guest', '/dev/sgx_enclave', '/sys/kernel/config', '/relay'):
    assert not os.path.exists(path), path
open_descriptors = []
for number in range(3, 4096):
    try:
        os.fstat(number)
        open_descriptors.append(number)
    except OSError:
        pass
print(open_descriptors, sorted(os.listdir('/dev')))
raise SystemExit(1)
"""
    log = (await hostile(source))["log"]
    inherited, _, devices = log.partition("] ")
    assert inherited == "[", "the app inherits no descriptor of the runtime"
    assert set(json.loads(devices.replace("'", '"'))) <= {
        "core",
        "fd",
        "full",
        "null",
        "ptmx",
        "pts",
        "random",
        "shm",
        "stderr",
        "stdin",
        "stdout",
        "tty",
        "urandom",
        "zero",
        "console",
    }


HUNT = """
import os, stat
mark = b'SEALGRID-' + b'KEY-'
found = []
def look(name, read):
    try:
        if mark in read():
            found.append(name)
    except (OSError, ValueError):
        pass
for top, folders, names in os.walk('/'):
    folders[:] = [each for each in folders if not (top + each).startswith(('/usr', '/runtime/python', '/lib'))]
    for name in names:
        path = os.path.join(top, name)
        if os.path.lexists(path) and stat.S_ISREG(os.lstat(path).st_mode):
            look(path, lambda: open(path, 'rb').read(1 << 22))
for number in range(4096):
    look(f'descriptor {number}', lambda: os.pread(number, 1 << 20, 0))
for pid in range(1, 300):
    for name in ('mem', 'environ', 'cmdline', 'maps'):
        look(f'{pid} {name}', lambda: open(f'/proc/{pid}/{name}', 'rb').read(1 << 20))
look('environment', lambda: repr(dict(os.environ)).encode())
import sys
look('arguments', lambda: repr(sys.argv).encode())
print(found)
raise SystemExit(1)
"""


async def test_an_app_that_hunts_for_keys_finds_none(hostile):
    assert (await hostile(HUNT))["log"] == "[]\n"
    planted = "open('/tmp/planted', 'wb').write(b'SEALGRID-' + b'KEY-')\n" + HUNT
    assert (await hostile(planted))["log"] == "['/tmp/planted']\n", "the hunt does find what is there"


async def test_what_an_app_leaves_in_memory_is_gone_for_the_next_one(hostile):
    leave = "import os\nfor place in ('/tmp', '/dev/shm'): open(place + '/left', 'wb').write(b'SEALGRID-' + b'KEY-')\n"
    await hostile(leave + "raise SystemExit(1)")
    assert (await hostile(HUNT))["log"] == "[]\n"


async def test_no_process_of_an_app_outlives_it(hostile):
    source = """
import os, sys, time
if os.fork():
    sys.exit(3)
os.setsid()
if os.fork():
    os._exit(0)
name = b'sealgrid-left-behind'
import ctypes
ctypes.CDLL(None).prctl(15, name[:15], 0, 0, 0)
time.sleep(60)
"""
    assert (await hostile(source))["code"] == 3
    names = [path.read_text().strip() for path in Path("/proc").glob("[0-9]*/comm") if path.exists()]
    assert "sealgrid-left-b" not in names


def of_this_process() -> set[Path]:
    return set(Path("/sys/fs/cgroup").glob(f"**/sealgrid-{os.getpid()}-*"))


async def test_the_machine_has_no_leftover_of_an_enclave_that_ended(platform):
    enclave = await Enclave(platform).launch()
    assert (await enclave.ask(GOOD, [], LIMITS))["kind"] == OK
    instance = platform._instances[enclave.reply.instance]
    before = of_this_process()
    await enclave.close()
    await instance.wait()
    async with asyncio.timeout(60):
        while before and of_this_process() >= before:
            await asyncio.sleep(0.05)
    found = subprocess.run(
        ["grep", "-rlas", "-m1", "-e", "SEALGRID-KEY-[0-9a-f]", "/dev/shm", str(platform._config.folder / "bytecode")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
