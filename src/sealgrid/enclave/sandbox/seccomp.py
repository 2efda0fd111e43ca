"""Seccomp filter of an app's sandbox: no tracing, no namespaces, no mounts, no memory that escapes accounting.

A classic BPF program over ``struct seccomp_data`` (Linux, Documentation/userspace-api/seccomp_filter.rst). Refused
calls fail with EPERM, sockets other than Unix ones with EAFNOSUPPORT: network namespaces do not confine vsock, and TCP
buffers grow automatically.

Memory that belongs to no process and no file system escapes every limit where no control group applies: memory files,
System V and POSIX queues and segments, shared anonymous maps (their pages remain when a process unmaps a part, and
no counter of the process shows them), and pages that are moved to a pipe. All of these are refused on every machine, so
that an app runs alike everywhere. The buffers of sockets and pipes have the kernel's default size, by which
``resource_monitor.py`` counts them: a request for a larger one succeeds without effect, as at the kernel's own maximum.
"""

import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sealgrid.errors import HostFailed

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_FIRST_ARGUMENT, _SECOND_ARGUMENT, _THIRD_ARGUMENT, _FOURTH_ARGUMENT = 16, 24, 32, 40
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_NEW_NAMESPACE = 0x7E020000  #: every CLONE_NEW… flag of clone
_X32 = 0x40000000
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20  #: MAP_SHARED_VALIDATE has the first bit too, MAP_PRIVATE has not
_SOCKETS = (1,)  #: AF_UNIX
_SOL_SOCKET, _BUFFER_SIZES = 1, (7, 8, 32, 33)  #: SO_SNDBUF, SO_RCVBUF, and both with FORCE
_F_SETPIPE_SZ = 1031
_SUCCEEDED = 0

_COMMON = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "memfd_secret": 447,
    "open_tree_attr": 467,
}
_X86_64 = {
    "shmget": 29,
    "shmat": 30,
    "semget": 64,
    "msgget": 68,
    "ptrace": 101,
    "syslog": 103,
    "modify_ldt": 154,
    "pivot_root": 155,
    "chroot": 161,
    "acct": 163,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "init_module": 175,
    "delete_module": 176,
    "quotactl": 179,
    "mq_open": 240,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "unshare": 272,
    "vmsplice": 278,
    "perf_event_open": 298,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "finit_module": 313,
    "memfd_create": 319,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
}
_AARCH64 = {
    "umount2": 39,
    "mount": 40,
    "pivot_root": 41,
    "chroot": 51,
    "quotactl": 60,
    "vmsplice": 75,
    "acct": 89,
    "unshare": 97,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "syslog": 116,
    "ptrace": 117,
    "reboot": 142,
    "mq_open": 180,
    "msgget": 186,
    "semget": 190,
    "shmget": 194,
    "shmat": 196,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "swapon": 224,
    "swapoff": 225,
    "perf_event_open": 241,
    "name_to_handle_at": 264,
    "open_by_handle_at": 265,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "kcmp": 272,
    "finit_module": 273,
    "memfd_create": 279,
    "bpf": 280,
    "userfaultfd": 282,
    "kexec_file_load": 294,
}


@dataclass(frozen=True)
class _Architecture:
    audit: int  #: AUDIT_ARCH_…
    refused: Mapping[str, int]
    socket: int
    clone: int
    mmap: int
    setsockopt: int
    fcntl: int
    clone3: int = 435


_ARCHITECTURES = {
    "x86_64": _Architecture(0xC000003E, _X86_64, socket=41, clone=56, mmap=9, setsockopt=54, fcntl=72),
    "aarch64": _Architecture(0xC00000B7, _AARCH64, socket=198, clone=220, mmap=222, setsockopt=208, fcntl=25),
}


def refused_calls(machine: str) -> dict[str, int]:
    """Return name -> number of the system calls that always fail with EPERM."""
    return {**_architecture(machine).refused, **_COMMON}


def app_filter(machine: str = platform.machine()) -> bytes:
    """Return the filter program for an architecture; raise HostFailed for an unsupported one."""
    architecture = _architecture(machine)
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        *_return_unless_equal(architecture.audit, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
        *_return_for_each(sorted(refused_calls(machine).values()), _FAIL | _EPERM),
        # The flags of clone3 are in memory, which a filter cannot read; the C library falls back to clone.
        *_return_for_each([architecture.clone3], _FAIL | _ENOSYS),
        *_for_call(
            architecture.clone,
            [
                (_LOAD, 0, 0, _FIRST_ARGUMENT),
                (_JUMP_ANY_BIT, 0, 1, _NEW_NAMESPACE),
                (_RETURN, 0, 0, _FAIL | _EPERM),
                (_RETURN, 0, 0, _ALLOW),
            ],
        ),
        *_for_call(
            architecture.mmap,
            [
                (_LOAD, 0, 0, _FOURTH_ARGUMENT),
                (_JUMP_ANY_BIT, 0, 2, _MAP_SHARED),
                (_JUMP_ANY_BIT, 0, 1, _MAP_ANONYMOUS),
                (_RETURN, 0, 0, _FAIL | _EPERM),
                (_RETURN, 0, 0, _ALLOW),
            ],
        ),
        *_for_call(
            architecture.setsockopt,
            [
                (_LOAD, 0, 0, _SECOND_ARGUMENT),
                *_return_unless_equal(_SOL_SOCKET, _ALLOW),
                (_LOAD, 0, 0, _THIRD_ARGUMENT),
                *_return_for_each(_BUFFER_SIZES, _FAIL | _SUCCEEDED),
                (_RETURN, 0, 0, _ALLOW),
            ],
        ),
        *_for_call(
            architecture.fcntl,
            [
                (_LOAD, 0, 0, _SECOND_ARGUMENT),
                *_return_for_each([_F_SETPIPE_SZ], _FAIL | _EPERM),
                (_RETURN, 0, 0, _ALLOW),
            ],
        ),
        *_for_call(
            architecture.socket,
            [
                (_LOAD, 0, 0, _FIRST_ARGUMENT),
                *_return_for_each(_SOCKETS, _ALLOW),
                (_RETURN, 0, 0, _FAIL | _EAFNOSUPPORT),
            ],
        ),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


_Instruction = tuple[int, int, int, int]


def _architecture(machine: str) -> _Architecture:
    if machine not in _ARCHITECTURES:
        raise HostFailed(f"there is no system call filter for {machine} machines.")
    return _ARCHITECTURES[machine]


def _return_unless_equal(value: int, action: int) -> list[_Instruction]:
    return [(_JUMP_EQUAL, 1, 0, value), (_RETURN, 0, 0, action)]


def _return_for_each(values: Sequence[int], action: int) -> list[_Instruction]:
    return [step for value in values for step in ((_JUMP_EQUAL, 0, 1, value), (_RETURN, 0, 0, action))]


def _for_call(call: int, body: list[_Instruction]) -> list[_Instruction]:
    return [(_JUMP_EQUAL, 0, len(body), call), *body]
