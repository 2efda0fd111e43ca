"""What an app reads about its machine."""

from pathlib import Path

from sealgrid.enclave.sandbox.proc_files import meminfo, without_frequencies

CPUINFO = b"""processor\t: 0
model name\t: A processor @ 2.40GHz
cpu MHz\t\t: 2893.202
flags\t\t: sse2 avx2

processor\t: 1
cpu MHz\t\t: 799.998
"""


def test_the_memory_of_the_machine_is_the_limit_of_the_app():
    fields = dict(line.split(":") for line in meminfo(512 << 20).decode().splitlines())
    assert {name: fields[name].split() for name in ("MemTotal", "MemAvailable", "SwapTotal")} == {
        "MemTotal": ["524288", "kB"],
        "MemAvailable": ["524288", "kB"],
        "SwapTotal": ["0", "kB"],
    }


def test_each_field_of_memory_is_named_and_written_as_the_kernel_does():
    kernels = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    for line in meminfo(1 << 30).decode().splitlines():
        name, value = line.split(":")
        assert name in kernels
        assert value.endswith(" kB")


def test_the_processors_have_no_frequencies():
    assert without_frequencies(CPUINFO) == CPUINFO.replace(b"2893.202", b"0.000").replace(b"799.998", b"0.000")
