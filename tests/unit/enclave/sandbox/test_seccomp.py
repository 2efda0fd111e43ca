"""The seccomp filter: refused calls, arguments, architectures, interpreted as the kernel does."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.enclave.sandbox.seccomp import app_filter, refused_calls
from sealgrid.errors import HostFailed

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}
SOCKET = {"x86_64": 41, "aarch64": 198}
MMAP = {"x86_64": 9, "aarch64": 222}
ALLOW, KILL, NOT_PERMITTED = 0x7FFF0000, 0x80000000, 0x00050001


def judge(program: bytes, number: int, architecture: int, *arguments: int) -> int:
    """Run a filter as the kernel's classic BPF machine does (linux/bpf_common.h)."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments, *(0,) * (6 - len(arguments)))
    accumulator = at = 0
    while True:
        code, yes, no, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        else:
            met = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += yes if met else no


@pytest.mark.parametrize("machine", ARCHITECTURE)
class TestFilter:
    def test_every_call_of_the_list_is_refused(self, machine):
        assert {judge(app_filter(machine), n, ARCHITECTURE[machine]) for n in refused_calls(machine).values()} == {
            NOT_PERMITTED
        }

    @given(number=st.integers(0, 600), argument=st.sampled_from([1, 2, 10]))
    def test_every_other_call_is_allowed(self, machine, number, argument):
        argument = 1 if number == SOCKET[machine] else argument
        if number in {*refused_calls(machine).values(), 435, CLONE[machine]}:
            return
        assert judge(app_filter(machine), number, ARCHITECTURE[machine], argument) == ALLOW

    def test_threads_are_made_and_namespaces_are_not(self, machine):
        program, clone = app_filter(machine), CLONE[machine]
        assert judge(program, clone, ARCHITECTURE[machine], 0x3D0F00) == ALLOW
        for bit in (0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000):
            assert judge(program, clone, ARCHITECTURE[machine], bit | 17) == NOT_PERMITTED

    def test_sockets_of_other_families_are_not_supported(self, machine):
        answers = {
            judge(app_filter(machine), SOCKET[machine], ARCHITECTURE[machine], n) for n in (2, 10, 16, 17, 38, 40)
        }
        assert answers == {0x00050000 | 97}

    def test_shared_maps_of_no_file_are_refused_and_all_others_are_made(self, machine):
        def judged(flags):
            return judge(app_filter(machine), MMAP[machine], ARCHITECTURE[machine], 0, 0, 0, flags)

        shared, private, validate, anonymous, fixed, populate = 0x01, 0x02, 0x03, 0x20, 0x10, 0x8000
        for flags in (shared, validate, shared | fixed | populate):
            assert judged(flags) == ALLOW
            assert judged(flags | anonymous) == NOT_PERMITTED
        for flags in (private, private | anonymous, private | anonymous | fixed | populate):
            assert judged(flags) == ALLOW

    def test_no_buffer_of_a_socket_or_pipe_grows(self, machine):
        program, architecture = app_filter(machine), ARCHITECTURE[machine]
        sets, controls = {"x86_64": (54, 72), "aarch64": (208, 25)}[machine]
        assert {judge(program, sets, architecture, 3, 1, name) for name in (7, 8, 32, 33)} == {0x00050000}
        assert {judge(program, sets, architecture, 3, 1, name) for name in (2, 9, 20, 21)} == {ALLOW}
        assert judge(program, sets, architecture, 3, 6, 7) == ALLOW  # of TCP, not of the socket
        assert judge(program, controls, architecture, 3, 1031) == NOT_PERMITTED
        assert {judge(program, controls, architecture, 3, name) for name in (1, 2, 3, 4, 6, 1030, 1032)} == {ALLOW}

    def test_memory_that_belongs_to_no_process_is_refused(self, machine):
        assert {
            "memfd_create",
            "memfd_secret",
            "shmget",
            "shmat",
            "semget",
            "msgget",
            "mq_open",
            "vmsplice",
        } <= refused_calls(machine).keys()

    def test_calls_of_another_architecture_kill(self, machine):
        assert judge(app_filter(machine), 1, 0x40000003) == KILL
        assert judge(app_filter(machine), 0x40000001, ARCHITECTURE[machine]) == KILL


def test_a_machine_without_a_filter_runs_no_app():
    with pytest.raises(HostFailed, match="riscv64"):
        app_filter("riscv64")
