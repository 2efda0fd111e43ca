"""Accounting of memory, and refusal of memory that belongs to no process; libraries still work."""

import resource
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from sealgrid.enclave.sandbox.sandbox import AppExited, HostInducible, lower_limits
from tests.unit.enclave.app_scene import LIMITS

SMALL = msgspec.structs.replace(LIMITS, memory=128 << 20, processes=8, output_bytes=64 << 20)

MEMFDS = """
import os
fds = []
for number in range(8):
    fds.append(os.memfd_create(str(number)))
    for _ in range(48):
        os.write(fds[-1], bytes(1 << 20))
"""
SEGMENTS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for _ in range(8):
    if libc.shmget(0, 48 << 20, 0o1600) < 0:
        raise PermissionError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""
SHARED_MAPS = """
import mmap, os
for _ in range(6):
    if os.fork() == 0:
        mmap.mmap(-1, 60 << 20)
        os._exit(0)
    if os.wait()[1]:
        raise PermissionError(1, 'Operation not permitted')
"""
SHARED_MAP_OF_ZEROS = "import mmap, os\nmmap.mmap(os.open('/dev/zero', os.O_RDWR), 60 << 20)"
QUEUES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.msgget(0, 0o1600) < 0:
    raise PermissionError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""


@pytest.mark.parametrize(
    "source", [MEMFDS, SEGMENTS, SHARED_MAPS, QUEUES], ids=["memfds", "SysV", "shared maps", "queues"]
)
def test_memory_that_no_limit_counts_is_refused(scene, source):
    ended = scene.run(source, limits=SMALL)
    assert isinstance(ended, AppExited), ended
    assert ended.code == 1
    assert b"PermissionError" in ended.log


def test_there_is_no_device_whose_shared_map_is_memory(scene):
    ended = scene.run(SHARED_MAP_OF_ZEROS, limits=SMALL)
    assert ended.code == 1
    assert b"FileNotFoundError" in ended.log


def test_plain_memory_of_many_processes_is_counted(scene):
    source = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        blocks = bytearray(os.urandom(1 << 20)) * 60
        time.sleep(15)
        os._exit(0)
time.sleep(15)
"""
    assert scene.run(source, limits=SMALL) == HostInducible("the app's processes used more memory than its limit.")


SOCKETS = """
import socket, time
blocks, block = [], bytes(1 << 15)
for _ in range(400):
    for end in socket.socketpair():
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
        blocks.append(end)
        try:
            while True:
                end.send(block)
        except BlockingIOError:
            pass
time.sleep(15)
"""
EMPTY_FILES = """
import itertools
for number in itertools.count():
    open(f'/tmp/{number}', 'w').close()
"""
SCRATCH_AND_MEMORY = """
import time
blocks = bytearray(b'x') * (60 << 20)
for folder in ('/tmp', '/dev/shm'):
    for number in range(8):
        open(f'{folder}/{number}', 'wb').write(bytes(6 << 20))
time.sleep(15)
"""


@pytest.mark.parametrize("source", [SOCKETS, EMPTY_FILES, SCRATCH_AND_MEMORY], ids=["sockets", "names", "files"])
def test_kernel_buffers_of_an_app_count(scene, source):
    assert scene.run(source, limits=SMALL) == HostInducible("the app's processes used more memory than its limit.")


def test_an_app_that_is_not_dumpable_is_counted_or_ended(scene):
    """To an ordinary user it hides its descriptors, to root it does not."""
    hides = "import ctypes\nassert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0\n"
    assert scene.run(hides + SOCKETS, limits=SMALL) in (
        HostInducible("the app's processes used more memory than its limit."),
        HostInducible("the app hides its resource usage."),
    )


def test_memory_of_processes_whose_first_thread_has_ended_counts(scene):
    source = """
import ctypes, os, threading, time
def hold():
    blocks = bytearray(b"x") * (60 << 20)
    time.sleep(15)
for _ in range(4):
    if os.fork() == 0:
        threading.Thread(target=hold).start()
        ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
time.sleep(15)
"""
    assert scene.run(source, limits=SMALL) == HostInducible("the app's processes used more memory than its limit.")


def test_children_that_ended_and_were_not_waited_for_hide_nothing(scene):
    source = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        os._exit(0)
time.sleep(0.5)
print("fine")
"""
    assert scene.says(source, limits=SMALL) == "fine"


def test_a_few_sockets_and_pipes_take_nothing_from_an_app(scene):
    source = """
import asyncio, os, socket
async def main():
    ends = [socket.socketpair() for _ in range(10)] + [os.pipe() for _ in range(10)]
    await asyncio.sleep(0.3)
    print(len(ends))
asyncio.run(main())
"""
    assert scene.says(source, limits=SMALL) == "20"


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_files_in_memory_have_the_sizes_that_are_said(scene, folder):
    source = f"""
import os
fd = os.open('{folder}/x', os.O_CREAT | os.O_RDWR)
os.unlink('{folder}/x')
try:
    for _ in range(200):
        os.write(fd, bytes(1 << 20))
except OSError as error:
    print(error.errno, os.fstat(fd).st_blocks * 512 >> 20)
"""
    large = msgspec.structs.replace(LIMITS, output_bytes=1 << 30)
    assert scene.says(source, limits=large) == "28 64"


def test_what_python_shares_between_processes_works(scene):
    source = """
import multiprocessing
from multiprocessing import shared_memory

def double(number):
    return 2 * number

if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    with multiprocessing.Pool(2) as pool:
        print(pool.map(double, range(3)))
    value, lock, queue = multiprocessing.Value("i", 5), multiprocessing.Lock(), multiprocessing.Queue()
    block = shared_memory.SharedMemory(create=True, size=1 << 20)
    def child():
        with lock:
            value.value += 1
        block.buf[0] = 7
        queue.put("done")
    process = multiprocessing.Process(target=child)
    process.start()
    print(queue.get())
    process.join()
    print(value.value, block.buf[0])
    block.close()
    block.unlink()
"""
    assert scene.says(source, limits=msgspec.structs.replace(LIMITS, processes=8)).splitlines() == [
        "[0, 2, 4]",
        "done",
        "6 7",
    ]


THREADS = """
import threading, time
threads = [threading.Thread(target=time.sleep, args=(0.1,)) for _ in range(8)]
for thread in threads:
    thread.start()
"""
UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from tests.unit.enclave.app_scene import Scene
kind, value = int(sys.argv[1]), int(sys.argv[2])
root = Path.cwd()
scene = Scene(root)
resource.setrlimit(kind, (value, value))
print(scene.run((root / "source.py").read_text()))
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RLIMIT_AS", 500 << 20),
        ("RLIMIT_DATA", 400 << 20),
        ("RLIMIT_STACK", 4 << 20),
        ("RLIMIT_CPU", 15),
        ("RLIMIT_FSIZE", 1 << 19),
        ("RLIMIT_NOFILE", 512),
        ("RLIMIT_NPROC", 100),
    ],
)
def test_a_machine_with_lower_hard_limits_starts_nothing(tmp_path, name, value):
    (tmp_path / "source.py").write_text(THREADS)
    paths = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT, str(getattr(resource, name)), str(value), *paths],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"HostInducible(reason=\"this machine's hard limit {name} is below" in done.stdout


def test_a_machine_with_enough_starts_the_same_app(scene):
    assert lower_limits(LIMITS) is None
    assert scene.run(THREADS) == AppExited(0, b"")


def test_an_app_has_the_same_limits_on_every_machine(scene):
    source = """
import resource
names = [name for name in ("AS", "DATA", "STACK", "CPU", "FSIZE", "NOFILE", "NPROC")]
print([resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in names])
"""
    expected = (512 << 20, 512 << 20, 8 << 20, 20, 1 << 20, 1024, 128)
    assert scene.says(source) == str([(value, value) for value in expected])
